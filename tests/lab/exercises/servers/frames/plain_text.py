"""Wrong: it answers in lines."""

import frames


def send_frame(connection, content):
    connection.sendall(content + b"\n")


frames.send_frame = send_frame
frames.main()
