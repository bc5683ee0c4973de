"""Wrong: the name is not free again."""

import leaving


def leave(name):
    leaving.tell_all(b"- " + name)


leaving.leave = leave
leaving.main()
