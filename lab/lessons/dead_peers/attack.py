"""A client's cable is pulled, and its user comes back from another machine. May they come in?"""

import socket
import threading
import time

from lab.stage.lesson import Server
from lab.stage.stage import Stage, Table, Verdict

SERVERS = [
    Server("broken.py", "a client is there until TCP says that it is gone", False),
    Server("mended.py", "silent clients are asked, and let go of", True),
]
GUILTY = ["    while data := sock.recv(65536):"]

PATIENCE = 12.0
"""Seconds within which the server must notice: more than twice what the mended one needs."""

RETRY = 0.5


def attack(stage: Stage) -> Verdict:
    """Unplug a client, and try to come in with its name."""
    stage.step("ana and ben come.")
    ana, ben = stage.join("ana"), stage.join("ben")
    stage.say(ana, "hello")
    ben.hears_text("ana", "hello")
    stage.step("ana's cable is pulled: no word, no reset, no end of the connection.")
    ana.unplug()
    start = time.monotonic()
    stage.step("ana comes back from another machine, with the same name.")
    tries, inside = 0, False
    while not inside and time.monotonic() - start < PATIENCE:
        tries += 1
        again = stage.connect("ana")
        inside = again.is_welcome(RETRY)
        if not inside:
            again.close()
            stage.pause(RETRY)
    waited = time.monotonic() - start
    stage.say(ben, "are you back?")
    numbers = {
        "tries": str(tries),
        "ana is in again": f"after {waited:.1f} s" if inside else "no",
        "ben is served": "yes" if ben.hears_text("ben", "are you back?") else "no",
    }
    if inside:
        return Verdict(True, "The server noticed that nobody is there, and gave the name.", numbers)
    return Verdict(
        False,
        f"{PATIENCE:g} s later the name was still taken by a client that is not there: recv waits "
        "for as long as nobody says that the connection is over.",
        numbers,
    )


def beside() -> list[Table]:
    """What wakes a thread that waits in recv, and what TCP itself would do."""
    rows = [[name, _wakes(name)] for name in ("close", "shutdown")]
    ends = Table(
        "A thread waits in recv, and another one ends the connection",
        ["call", "the thread in recv"],
        rows,
    )
    return [ends, _keep_alive()]


def _wakes(call: str) -> str:
    ours, theirs = socket.socketpair()
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(_received(ours)), name="lab-recv")
    # The reader has a socket object of its own for the same connection.
    reader.start()
    time.sleep(0.1)
    if call == "close":
        ours.close()
    else:
        ours.shutdown(socket.SHUT_RDWR)
    reader.join(0.5)
    woken = not reader.is_alive()
    theirs.close()
    reader.join()
    ours.close()
    return "returns at once" if woken else "waits on"


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1)
    except OSError:
        return b""


def _keep_alive() -> Table:
    with socket.socket() as connection:
        rows = [
            [name, f"{connection.getsockopt(socket.IPPROTO_TCP, option):,}"]
            for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
            if (option := getattr(socket, name, None)) is not None
        ]
        rows.insert(
            0, ["SO_KEEPALIVE", str(connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))]
        )
    return Table(
        "What a new TCP socket has here: seconds until the first probe, between two, how many",
        ["option", "value"],
        rows,
    )
