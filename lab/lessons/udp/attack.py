"""Datagrams go through a network that loses some and swaps others. What arrives, in which order?"""

import socket
from itertools import pairwise

from lab.stage.client import Client
from lab.stage.lesson import Server
from lab.stage.lossy import LossyNetwork
from lab.stage.stage import Stage, Table, Verdict

SERVERS = [
    Server("broken.py", "a datagram is sent and forgotten", False),
    Server("mended.py", "numbers, acks, sending again", True),
]
GUILTY = ["    datagram, address = server.recvfrom(65536)"]

TEXTS = 60
ROUNDS = 50
"""How often a client sends what has no ack."""

RETRY = 0.2
"""Seconds that it waits for acks."""


def attack(stage: Stage) -> Verdict:
    """Say numbered lines through a bad network, and compare what a listener gets."""
    stage.step("ben listens, with a good line. ana talks through a network that loses and swaps.")
    ben = stage.connect_datagrams("ben")
    welcome = ben.is_welcome()
    with LossyNetwork(stage.server.port) as network:
        ana = stage.connect_datagrams("ana", port=network.port)
        for _ in range(ROUNDS):
            if ana.is_welcome(RETRY):
                break
            ana.send(b"ana\n")
        stage.step(f"ana says {TEXTS} lines.")
        confirms = ana.hears("ack 0", RETRY)
        _send(stage, ana, confirms)
        texts = [str(number) for number in range(1, TEXTS + 1)]
        ben.hears_text("ana", texts[-1], 2.0)
        stage.is_quiet(ben)
        dropped, swapped = network.dropped, network.swapped
    got = [text.rpartition(" ")[2] for name, text in ben.messages() if name == "ana"]
    lost = len(set(texts) - set(got))
    late = sum(int(a) > int(b) for a, b in pairwise(got))
    numbers = {
        "datagrams that the network lost": str(dropped),
        "datagrams that it swapped with the next": str(swapped),
        "lines that ben never got": f"{lost} of {TEXTS}",
        "lines that came after a later one": str(late),
    }
    if welcome and got == texts:
        return Verdict(True, "Every line arrived once and in order.", numbers)
    return Verdict(
        False,
        f"{lost} of {TEXTS} lines are lost, {late} came out of order, and nobody noticed.",
        numbers,
    )


def _send(stage: Stage, ana: Client, confirms: bool) -> None:
    """Send each line; again, where the server confirms what it got."""
    missing = list(range(1, TEXTS + 1))
    for number in missing:
        ana.send(b"%d %d\n" % (number, number) if confirms else b"%d\n" % number)
    for _ in range(ROUNDS if confirms else 0):
        ana.wait(lambda: _unconfirmed(ana, missing) == [], RETRY)  # noqa: B023
        missing = _unconfirmed(ana, missing)
        if not missing:
            return
        stage.breathe()
        for number in missing:
            ana.send(b"%d %d\n" % (number, number))


def _unconfirmed(ana: Client, numbers: list[int]) -> list[int]:
    return [number for number in numbers if f"ack {number}" not in ana.lines]


def beside() -> list[Table]:
    """Who gets a datagram to which broadcast address: what looking for a server needs."""
    rows = [
        ["127.255.255.255", "loopback's own", _broadcast("127.255.255.255")],
        ["<broadcast>", "255.255.255.255, through the default route", _broadcast("<broadcast>")],
    ]
    without = _broadcast("127.255.255.255", allowed=False)
    rows.append(["127.255.255.255", "without SO_BROADCAST", without])
    return [
        Table(
            "A datagram to everybody on this machine's network",
            ["address", "what it is", "a listener on this machine"],
            rows,
        )
    ]


def _broadcast(address: str, *, allowed: bool = True) -> str:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        listener.bind(("", 0))
        listener.settimeout(1.0)
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, int(allowed))
        try:
            sender.sendto(b"is a server here?", (address, listener.getsockname()[1]))
            listener.recvfrom(100)
        except TimeoutError:
            return "hears nothing"
        except OSError as error:
            return f"is not asked: {error.strerror}"
    return "hears it"
