"""Wrong: a frame of more than a megabyte is taken for an attack."""

import frames

receive_frame = frames.receive_frame


def receive_small(connection):
    content = receive_frame(connection)
    if len(content) > 1_000_000:
        raise EOFError
    return content


frames.receive_frame = receive_small
frames.main()
