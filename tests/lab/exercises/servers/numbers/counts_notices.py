"""Wrong: notices take numbers, too."""

import numbering

put_all = numbering.put_all


def put_and_count(text):
    if text.startswith(b"-"):
        numbering.last_number += 1
    put_all(text)


numbering.put_all = put_and_count
numbering.main()
