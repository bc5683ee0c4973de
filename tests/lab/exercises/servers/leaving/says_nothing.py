"""Wrong: nobody is told."""

import leaving


def leave(name):
    with leaving.lock:
        del leaving.members[name]


leaving.leave = leave
leaving.main()
