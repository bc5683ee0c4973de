"""Wrong: what `send` returns is ignored. With a timeout it sends what fits."""

import struct

import frames


def send_frame(connection, content):
    connection.settimeout(60)
    connection.send(struct.pack(">I", len(content)) + content)


frames.send_frame = send_frame
frames.main()
