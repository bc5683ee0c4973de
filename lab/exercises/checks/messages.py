"""Steps 3 to 5: TCP carries bytes; where a message ends is for the server to find out."""

from lab.exercises.peer import HEADER, Peer, Wrong, frame, shown
from lab.exercises.target import Target

_BIG = 6_000_000
"""Bytes: more than the 4.2 MB that the system takes on loopback from a server that nobody reads."""

_LONG = 70_000
"""Bytes: more than two bytes of length can say, and more than one `recv` returns."""


def check_lines(target: Target) -> None:
    """Each line is answered with its number and itself, however the bytes arrive."""
    with target.paragraph("One line, one answer"):
        client = target.connect("client 1")
        _answered(client, b"hello\n", b"1 hello\n")
        _answered(client, b"\n", b"2 \n")
    with target.paragraph("Half a line"):
        other = target.connect("client 2")
        lines = _drip(client, other, "grüß\n".encode())
        client.expect("3 grüß\n".encode())
    with target.paragraph("Two lines at once"):
        _answered(client, b"a\nb\nc", b"4 a\n5 b\n")
        _answered(client, b"d\n", b"6 cd\n")
    with target.paragraph("Each client has its own lines"):
        client.send(b"mine, ")
        _answered(other, b"yours\n", f"{lines + 1} yours\n".encode())
        _answered(client, b"still mine\n", b"7 mine, still mine\n")


def _drip(client: Peer, other: Peer, data: bytes) -> int:
    """Send `data` byte by byte. Return how many lines `other` has said meanwhile.

    Each byte has been read before the next one is sent.
    """
    for number in range(1, len(data) + 1):
        client.send(data[number - 1 : number], "sent a line byte by byte")
        client.wait_until_read()
        _answered(other, b"tick\n", f"{number} tick\n".encode())
    return len(data)


def check_frames(target: Target) -> None:
    """Each frame is answered with a frame: its number and its content."""
    with target.paragraph("Four bytes, then the content"):
        client = target.connect("client 1")
        client.send_frame("hello")
        try:
            client.expect_frame("1 hello")
        except Wrong as wrong:
            if wrong.silent:
                _explain_byte_order(target, wrong)
            raise
    with target.paragraph("The length counts bytes"):
        client.send_frame("grüße")
        client.expect_frame("2 grüße")
        client.send_frame("")
        client.expect_frame("3 ")
    with target.paragraph("Any byte may be in a frame"):
        client.send_frame("two\nlines\n\0")
        client.expect_frame("4 two\nlines\n\0")
    with target.paragraph("A frame arrives in parts"):
        other = target.connect("client 2")
        for number, byte in enumerate(frame(b"hi"), 1):
            client.send(bytes([byte]), "sent a frame byte by byte")
            client.wait_until_read()
            other.send_frame("tick")
            other.expect_frame(f"{number} tick")
        client.expect_frame("5 hi")
    with target.paragraph("Two frames at once"):
        client.send(frame(b"a") + frame(b"b") + frame(b"cd")[:5], "sent two and a half frames")
        client.expect_frame("6 a")
        client.expect_frame("7 b")
        client.send(b"d", "sent the rest of a frame")
        client.expect_frame("8 cd")
    with target.paragraph("A long frame"):
        client.send(frame(b"x" * _LONG), f"sent a frame of {_LONG:,} bytes")
        client.expect(frame(b"9 " + b"x" * _LONG), "a frame with the number 9 and all of it")


def _explain_byte_order(target: Target, wrong: Wrong) -> None:
    """Replace a complaint by a better one if the server reads lengths from the wrong end."""
    try:
        client = target.connect("another client")
        client.send(b"\x05\0\0\0hello")
        client.expect(b"\x07\0\0\x001 hello")
    except Wrong:
        return
    raise Wrong(
        "your server reads and writes the length with its least significant byte first",
        f"the other order, {shown(HEADER.pack(5))} for 5,",
    ) from wrong


def check_big_messages(target: Target) -> None:
    """What is longer than the system's buffers arrives whole, also at a client that is late."""
    content = bytes(range(250)) * (_BIG // 250)
    whole = "a frame with all of it"
    did = f"sent a frame of {_BIG:,} bytes and then a small one"
    with target.paragraph("Small ones first"):
        client = target.connect("client 1")
        client.patience = 4
        client.send_frame("hello")
        client.expect_frame("1 hello")
    with target.paragraph("More than the buffers take"):
        for number in (2, 4):
            client.send(frame(content), did)
            client.send(frame(b"small"), did)
            client.wait_until_readable(20)
            other = target.connect(f"client {number}")
            other.send_frame("tick")  # meanwhile the answer to client 1 has filled the buffers
            other.expect_frame("1 tick")
            client.expect(frame(b"%d %s" % (number, content)), f"{whole} and the number {number}")
            client.expect_frame(f"{number + 1} small")
    with target.paragraph("The end comes last"):
        client.send(frame(content))
        client.end()
        client.note(f"sent a frame of {_BIG:,} bytes and then its end (shutdown)")
        client.expect(frame(b"6 " + content), f"{whole} and the number 6")
        client.expect_end()


def _answered(client: Peer, data: bytes, answer: bytes) -> None:
    client.send(data)
    client.expect(answer)
