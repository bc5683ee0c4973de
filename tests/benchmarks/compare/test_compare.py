"""Tiny runs, end to end: a few members, a fraction of a second, each server that is there."""

import contextlib
import os
import resource
import select
import socket
from array import array
from collections.abc import Iterator
from dataclasses import replace

import pytest

from benchmarks.compare.__main__ import main
from benchmarks.compare.generator import Generator
from benchmarks.compare.people import Books, Member, Talker
from benchmarks.compare.rivals import CHAT, RIVALS, Module, Program, Rival
from benchmarks.compare.wires import LINES, OURS
from benchmarks.compare.works import Work, do

SATURATED = Work("tiny", 5, talkers=2, window=4)
EVERYDAY = ("ours", "asyncio")  # the others take a second each and are not of our making
PACED = Work("tiny", 5, talkers=2, rate=200)

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="epoll is Linux's")


@pytest.fixture(autouse=True)
def _same_limits_afterwards() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with contextlib.ExitStack() as stack:
        ours, theirs = map(stack.enter_context, socket.socketpair())
        yield ours, theirs


def hurried(rival: Rival) -> Rival:
    """The same without the wait for what only comes after seconds: this is over before that.

    Long enough for a server that waits for a busy disk meanwhile.
    """
    return replace(rival, wire=replace(rival.wire, quiet=1.0))


@pytest.mark.parametrize(
    "server",
    [name if name in EVERYDAY else pytest.param(name, marks=pytest.mark.bench) for name in CHAT],
)
def test_a_server_loses_nothing_in_a_tiny_run(server: str) -> None:
    rival = hurried(RIVALS[server])
    if rival.missing():
        pytest.skip(rival.missing())
    figures = do(SATURATED, rival, 0.0, 0.2)
    assert figures.troubles == []
    assert figures.deliveries > 0


def test_paced_latencies_are_of_every_member_and_message() -> None:
    figures = do(PACED, hurried(RIVALS["ours"]), 0.0, 0.5)
    assert figures.troubles == []
    messages, rest = divmod(figures.latencies.total(), PACED.members)
    assert rest == 0
    assert 0 < messages <= figures.lateness.total()


@pytest.mark.parametrize("fault", ["drop", "double", "reorder"])
def test_a_member_that_is_wronged_is_told_of(fault: str) -> None:
    server = Module("null", replace(OURS, quiet=0.1), "benchmarks.null_server", ["--fault", fault])
    figures = do(SATURATED, server, 0.0, 0.2)
    assert any("something else than the others" in told for told in figures.troubles)


def test_a_program_that_is_not_there_is_named_with_its_package() -> None:
    program = Program("Nothing", LINES, "no-such-binary", "no-such-package", lambda _port, _at: ())
    assert program.missing() == (
        "Nothing is left out: no no-such-binary, which is in Debian's no-such-package"
    )


def test_a_program_is_stopped_with_its_group_when_the_run_is_interrupted() -> None:
    rival = RIVALS["redis"]
    if rival.missing():
        pytest.skip(rival.missing())
    with pytest.raises(KeyboardInterrupt), rival.running() as server:
        raise KeyboardInterrupt
    with pytest.raises(ProcessLookupError):
        os.killpg(server.pid, 0)


def test_the_command_prints_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = ["--servers", "asyncio", "--works", "fan100", "--seconds", "0.1", "--warm-up", "0"]
    assert main([*chosen, "--rounds", "1"]) == 0
    assert "| asyncio streams |" in capsys.readouterr().out


def test_a_name_that_is_not_known_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--servers", "ours,rabbit"])
    assert "rabbit is none of ours, redis" in capsys.readouterr().err


def test_a_member_that_differs_is_counted_no_further(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    books = Books(offsets={ours.fileno(): 0})
    books.log.data += b"what all got"
    member = Member(books, ours)
    theirs.send(b"what all")
    member.on_ready(select.EPOLLIN)
    assert books.offsets == {ours.fileno(): 8}
    theirs.send(b" of us")
    member.on_ready(select.EPOLLIN)
    assert (books.differed, books.closed, books.offsets) == (1, [8], {})


def test_a_talker_counts_what_it_hears_and_keeps_when_its_texts_were_due(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    with contextlib.closing(select.epoll()) as poll:
        poll.register(ours, select.EPOLLIN)
        talker = Talker(LINES, 0, ours, poll)
        talker.say([1.5, 2.5])
        said = theirs.recv(65536)
        theirs.send(b"noise\n" + said + b"noise\n")
        talker.on_ready(select.EPOLLIN)
    assert said.count(b"\n") == 2
    assert talker.heard == talker.has == 2
    assert talker.due == array("d", [1.5, 2.5])


def test_a_crowd_lets_everybody_in_at_a_server_that_lets_one_wait() -> None:
    rival = RIVALS["threading"]
    with (
        rival.running() as server,
        contextlib.closing(Generator(server, rival.wire, connecting=1)) as generator,
    ):
        generator.fill(5, 1)
        result = generator.pace(100, 0.0, 0.1)
    assert result.deliveries > 0
    assert result.troubles == []
