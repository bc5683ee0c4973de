"""Wrong: it keeps the first megabyte of a frame."""

import frames

receive_frame = frames.receive_frame


def receive_less(connection):
    return receive_frame(connection)[:1_000_000]


frames.receive_frame = receive_less
frames.main()
