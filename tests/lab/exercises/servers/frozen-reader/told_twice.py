"""Wrong: who is closed for being slow is told of once by who closes, and once by its own thread."""

import frozen_reader

frozen_reader.QUEUE_LENGTH = 20
leave = frozen_reader.leave


def leave_twice(name):
    leave(name)
    frozen_reader.tell_all(b"- " + name)


frozen_reader.leave = leave_twice
frozen_reader.main()
