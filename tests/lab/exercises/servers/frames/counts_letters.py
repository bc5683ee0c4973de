"""Wrong: the length is that of the text, not of its bytes."""

import struct

import frames


def send_frame(connection, content):
    text = content.decode()
    connection.sendall(struct.pack(">I", len(text)) + text.encode())


frames.send_frame = send_frame
frames.main()
