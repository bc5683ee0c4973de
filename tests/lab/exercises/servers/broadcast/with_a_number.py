"""Wrong: it still puts a number in front, as in step 4."""

import broadcast

tell_all = broadcast.tell_all


def tell_numbered(content):
    tell_all(b"1 " + content)


broadcast.tell_all = tell_numbered
broadcast.main()
