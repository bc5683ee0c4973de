"""Wrong: everybody is told twice."""

import leaving

leave = leaving.leave


def leave_twice(name):
    leave(name)
    leaving.tell_all(b"- " + name)


leaving.leave = leave_twice
leaving.main()
