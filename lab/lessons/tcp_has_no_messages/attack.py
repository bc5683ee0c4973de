"""A message comes in two halves, and two come at once. Does the server tell them apart?"""

import socket
import struct

from lab.stage.client import PATIENCE
from lab.stage.lesson import Server
from lab.stage.server import HOST
from lab.stage.stage import Stage, Table, Verdict

SERVERS = [
    Server("broken.py", "one recv, one message", False),
    Server("mended.py", "a buffer until the delimiter comes", True),
    Server("length_prefix.py", "the length before each message", True),
]
GUILTY = [
    "        while data := sock.recv(1024):",
    '            sock.sendall(b"%s: %s\\n" % (name, data.strip()))',
]

WANTED = ["half a message", "one", "two"]


def attack(stage: Stage) -> Verdict:
    """Send messages cut and glued, and compare what comes back."""
    if stage.file == "length_prefix.py":
        return _with_lengths(stage)
    stage.step("ana comes.")
    ana = stage.join("ana")
    stage.step("Half of a message is sent, and the rest when the server has read the half.")
    ana.send(b"half a ")
    stage.is_read(ana)
    ana.send(b"message\n")
    stage.is_read(ana)
    stage.step("Two messages are sent with one send.")
    ana.send(b"one\ntwo\n")
    stage.answers(ana, WANTED[-1])
    got = [text for _, text in ana.messages()]
    loose = [line for line in ana.lines[1:] if not line.startswith("ana: ")]
    numbers = {"sent": " | ".join(WANTED), "came back": " | ".join([*got, *loose])}
    if got == WANTED:
        return Verdict(True, "Three messages were sent, and the same three came back.", numbers)
    return Verdict(
        False,
        f"Three messages were sent, and {len(got)} other ones came back: a recv returns what is "
        "there, not what was sent.",
        numbers,
    )


def _with_lengths(stage: Stage) -> Verdict:
    sent = [b"half a message", b"two\nlines in one message", b""]
    stage.step("Three messages are sent byte by byte; one contains a newline, one nothing at all.")
    with socket.create_connection((HOST, stage.server.port), PATIENCE) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = b"".join(struct.pack("!I", len(message)) + message for message in sent)
        for byte in stream:
            connection.sendall(bytes([byte]))
        back = _received(connection, len(stream))
    numbers = {"bytes sent": str(len(stream)), "bytes that came back": str(len(back))}
    if back == stream:
        return Verdict(True, "Each message came back as it was, its newline too.", numbers)
    return Verdict(False, "What came back is not what was sent.", numbers)


def _received(connection: socket.socket, count: int) -> bytes:
    data = b""
    try:
        while len(data) < count and (more := connection.recv(count - len(data))):
            data += more
    except TimeoutError:
        pass
    return data


def beside() -> list[Table]:
    """The same four bytes in both byte orders, and what delimiters do to their own data."""
    rows = []
    for number in (1, 5, 256):
        packed = struct.pack("!I", number)
        rows.append([str(number), packed.hex(" "), str(struct.unpack("<I", packed)[0])])
    orders = Table(
        "A length in network byte order, and what reads it in the other order",
        ["length", "on the wire", "read with '<I'"],
        rows,
    )
    texts = ["hello", "two\nlines", "\n"]
    cut = Table(
        "Texts sent with a newline behind each, and what the receiver sees",
        ["text", "messages"],
        [[repr(text), ", ".join(map(repr, text.split("\n")))] for text in texts],
    )
    return [orders, cut]
