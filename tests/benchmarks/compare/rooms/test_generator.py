"""Tiny runs of the generator in C: what it counts, and what it notices."""

import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.clients import RunFailedError
from benchmarks.compare.rivals import RIVALS, Module
from benchmarks.compare.rooms.generator import Rooms, measure, missing
from benchmarks.compare.wires import LINES, OURS, Wire
from benchmarks.compare.works import STORING, RoomsWork, do
from benchmarks.server_process import ServerProcess

SATURATED = Rooms(3, 4, talkers=2, window=8)
PACED = Rooms(3, 4, talkers=2, rate=200)

pytestmark = [
    pytest.mark.skipif(not hasattr(select, "epoll"), reason="epoll is Linux's"),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]


@contextmanager
def answering(*answers: bytes) -> Iterator[ServerProcess]:
    """A server that sends one client after the other an answer, and closes if it is empty."""

    def serve() -> None:
        kept = []
        for answer in answers:
            connection, _ = listener.accept()
            kept.append(connection)
            connection.recv(4096)
            if answer:
                connection.sendall(answer)
            else:
                connection.close()
        for connection in kept:
            connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, name="answering server")
        thread.start()
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1, text=True) as child:
            yield ServerProcess(listener.getsockname(), child, Path(os.devnull))
            child.kill()
        thread.join()


@pytest.mark.parametrize(
    "server",
    [name if name == "ours" else pytest.param(name, marks=pytest.mark.bench) for name in STORING],
)
def test_a_server_loses_nothing_in_a_tiny_run(server: str) -> None:
    rival = RIVALS[server]
    if rival.missing():
        pytest.skip(rival.missing())
    figures = do(RoomsWork("tiny", SATURATED), rival, 0.0, 0.2)
    assert figures.troubles == []
    assert figures.deliveries > 0
    assert figures.clients == 12
    assert figures.seconds > 0
    each = 1 if server == "streams" else SATURATED.members
    assert figures.messages == figures.deliveries / each


def test_paced_latencies_are_of_every_member_and_message() -> None:
    figures = do(RoomsWork("tiny", PACED), RIVALS["ours"], 0.0, 0.5)
    assert figures.troubles == []
    messages, rest = divmod(figures.latencies.total(), PACED.members)
    assert (messages, rest) == (figures.lateness.total(), 0)
    assert 0 < figures.gap < 20
    assert figures.gap <= figures.latency(1) + 0.001


def test_clients_that_only_come_in_are_timed() -> None:
    figures = do(RoomsWork("tiny", Rooms(2, 5, entering=1)), RIVALS["ours"], 1.0, 1.0)
    assert (figures.troubles, figures.clients, figures.seconds) == ([], 10, 0.0)
    assert figures.entering > 0


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("drop", ["1 deliveries lost"]),
        ("double", ["1 deliveries doubled or out of order"]),
        ("reorder", ["1 deliveries lost", "1 deliveries doubled or out of order"]),
    ],
)
def test_a_member_that_is_wronged_is_told_of(fault: str, told: list[str]) -> None:
    server = Module("null", OURS, "benchmarks.null_server", ["--fault", fault])
    figures = do(RoomsWork("tiny", Rooms(1, 3, talkers=1, window=8)), server, 0.0, 0.2)
    assert figures.troubles == told


def test_texts_of_two_talkers_in_another_order_are_told_of() -> None:
    server = Module("null", OURS, "benchmarks.null_server", ["--fault", "reorder"])
    figures = do(RoomsWork("tiny", Rooms(1, 3, talkers=2, window=1)), server, 0.0, 0.2)
    assert figures.troubles == ["1 clients got another order than their room"]
    unordered = replace(server, wire=replace(OURS, ordered=False))
    figures = do(RoomsWork("tiny", Rooms(1, 3, talkers=2, window=1)), unordered, 0.0, 0.2)
    assert figures.troubles == []


def test_a_text_of_another_room_is_told_of() -> None:
    # The null server has one room for all.
    server = Module("null", OURS, "benchmarks.null_server")
    figures = do(RoomsWork("tiny", Rooms(2, 2, talkers=1, window=1)), server, 0.0, 0.2)
    assert any("texts that nobody said in the room" in told for told in figures.troubles)


def test_who_is_turned_away_comes_again() -> None:
    with answering(b"", b"JOINED room0\n") as server:
        figures = measure(Rooms(1, 1), server, LINES, 0.0, 0.0)
    assert figures.troubles == ["1 connections closed on their way in, and made again"]


def test_a_server_that_closes_before_the_start_is_named() -> None:
    wire: Wire = replace(LINES, quiet=0.1)
    with (
        answering(b"JOINED room0\n") as server,
        pytest.raises(RunFailedError, match="the server closed a connection before the start"),
    ):
        measure(Rooms(1, 1, talkers=1, window=1), server, wire, 0.0, 0.1)


def test_without_a_compiler_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert missing() == "left out, no C compiler for its generator; Debian's gcc is one"
