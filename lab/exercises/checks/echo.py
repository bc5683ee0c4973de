"""Steps 1 and 2: a server that sends back what it gets."""

from lab.exercises.peer import Peer
from lab.exercises.target import Target

_CROWD = 20


def check_echo(target: Target) -> None:
    """One client after the other gets its own bytes back, until it has no more to say."""
    with target.paragraph("What comes is sent back"):
        first = target.connect("the first client")
        _echoed(first, b"hello\n")
        _echoed(first, b"hello again\n")
    with target.paragraph("Bytes, not text"):
        # The second byte of a letter comes after the first: neither is text by itself.
        for part in (b"gr\xc3", b"\xbc\xc3", b"\x9fe\n", b"\x00\xff\r\n"):
            _echoed(first, part)
    with target.paragraph("The end of a client"):
        first.end()
        first.expect_end()
    with target.paragraph("The next client"):
        for name in ("the second client", "the third client"):
            client = target.connect(name)
            _echoed(client, b"are you still there?\n")
            client.close()


def check_echo_many(target: Target) -> None:
    """Each of many clients that are connected at the same time gets its own bytes back."""
    with target.paragraph("Nobody waits for somebody else"):
        silent = target.connect("client 1")
        second = target.connect("client 2")
        second.send(b"hello\n", 'sent "hello\\n" while client 1 was connected and silent')
        second.expect(b"hello\n")
        _echoed(silent, b"now me\n")
    with target.paragraph("To each their own"):
        crowd = [target.connect(f"client {number}") for number in range(3, _CROWD + 1)]
        for client in crowd:
            client.send(f"I am {client.name}\n".encode())
        for client in reversed(crowd):
            client.expect(f"I am {client.name}\n".encode())
    with target.paragraph("One leaves, the others stay"):
        crowd[0].close()
        crowd[1].reset()
        crowd[2].end()
        crowd[2].expect_end()
        for client in (silent, second, *crowd[3:]):
            client.send(b"still here\n", 'sent "still here\\n" after others had left')
            client.expect(b"still here\n")
        _echoed(target.connect("a new client"), b"me too\n")


def _echoed(client: Peer, data: bytes) -> None:
    client.send(data)
    client.expect(data)
