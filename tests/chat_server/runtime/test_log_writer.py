"""The log is written by a thread of its own: a stderr that is not read holds up nobody.

The pipes here are full before anybody writes to them, so that the first line waits.
"""

import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import pytest

from chat_server.runtime import logs
from chat_server.runtime.log_writer import WAITING_LIMIT, LogWriter
from tests.chat_server.runtime.test_logs import journal_stream
from tests.support.peer import Peer
from tests.support.servers import ServerProcess
from tests.support.waiting import eventually

log = logging.getLogger("tests.somewhere")

FULL = Path("/dev/full")
SHELL_CLOSES = ("sh", "-c", 'exec "$@" 2>&-', "sh")


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """What a test sets up is its own."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, threading.excepthook
    yield
    root.handlers[:], level, threading.excepthook = before
    root.setLevel(level)


class Pipe:
    """A pipe that is full until the test reads it. A context manager that closes it.

    Attributes:
        writer: its end to write to.
    """

    def __init__(self) -> None:
        self._reader, self.writer = os.pipe()
        os.set_blocking(self.writer, False)
        self._filling = 0
        with suppress(BlockingIOError):
            while True:
                self._filling += os.write(self.writer, b"-" * 4096)
        os.set_blocking(self.writer, True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._reader)
        os.close(self.writer)

    def lines(self) -> Iterator[str]:
        """Read what was written, from its beginning."""
        self._empty()
        with open(self._reader, "rb", closefd=False) as reader:
            for line in reader:
                yield line.decode().rstrip("\n")

    def read_beginning(self) -> None:
        """Read some of the first line."""
        self._empty()
        assert os.read(self._reader, 10)

    def _empty(self) -> None:
        """Read what it was full of."""
        left = self._filling
        while left:
            left -= len(os.read(self._reader, left))

    def stop_reading(self) -> None:
        """Close the end to read from, as a program that has ended does."""
        os.close(self._reader)
        self._reader = os.open(os.devnull, os.O_RDONLY)

    def stop_writing(self) -> None:
        """Leave the end to write to to others."""
        os.close(self.writer)
        self.writer = os.open(os.devnull, os.O_WRONLY)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A full pipe."""
    with Pipe() as pipe:
        yield pipe


@contextmanager
def logging_to(descriptor: int, *, as_json: bool = False) -> Iterator[LogWriter]:
    """Log there, by a thread."""
    with (
        open(descriptor, "w", errors="backslashreplace", closefd=False) as stream,
        LogWriter(stream) as writer,
    ):
        logs.set_up("info", writer, as_json=as_json)
        yield writer


def come_and_go(address: str, *nicks: str) -> None:
    """Each comes in, is answered, and says goodbye."""
    for nick in nicks:
        with Peer.connect(address) as peer:
            peer.hello(nick)
            peer.join("lobby")
            peer.say("lobby", "tea?")
            peer.ok("bye")
            peer.expect_end("bye")


# -- a real server


def serve(data: Path, *more: str, **options: object) -> ServerProcess:
    """Start a server on some port."""
    server = ServerProcess("--host", "127.0.0.1", "--port", "0", "--data", data, *more, **options)  # type: ignore[arg-type]
    server.wait_until_listening()
    return server


def test_a_log_that_nobody_reads_holds_up_nobody(tmp_path: Path, pipe: Pipe) -> None:
    """Neither who talks, nor a reload, nor the end."""
    with serve(tmp_path, stderr=pipe.writer) as server:
        come_and_go(server.address, "ada", "eva")
        server.hang_up()
        come_and_go(server.address, "bob")
        server.terminate()
        assert server.wait() == 0


def test_what_could_not_be_written_is_there_when_somebody_reads(tmp_path: Path, pipe: Pipe) -> None:
    """Whole and in order, and the end too."""
    with serve(tmp_path, "--log-json", stderr=pipe.writer) as server:
        come_and_go(server.address, "ada", "eva", "bob")
        pipe.stop_writing()
        reading = pipe.lines()
        events = [json.loads(next(reading))["event"] for _ in range(6)]
        assert [event.split()[:2] for event in events] == [
            [nick, what] for nick in ("ada", "eva", "bob") for what in ("came", "left:")
        ]
        with Peer.connect(server.address) as zoe:
            zoe.hello("zoe")
            server.terminate()
            zoe.expect_end("shutting_down")
        assert server.wait() == 0
        assert [json.loads(line)["event"].split()[0] for line in reading] == ["zoe", "zoe"]


def _closed_by_its_reader(pipe: Pipe) -> dict[str, object]:
    pipe.stop_reading()
    return {"stderr": pipe.writer}


def _full_disk(_: Pipe) -> dict[str, object]:
    return {"stderr": os.open(FULL, os.O_WRONLY)}


def _closed(_: Pipe) -> dict[str, object]:
    return {"through": SHELL_CLOSES}


@pytest.mark.parametrize("broken", [_closed_by_its_reader, _full_disk, _closed])
def test_a_log_that_cannot_be_written_ends_nothing(
    broken: Callable[[Pipe], dict[str, object]], tmp_path: Path, pipe: Pipe
) -> None:
    """Nobody reads it any more, its disk is full, it was closed from the beginning."""
    if broken is _full_disk and not FULL.exists():
        pytest.skip(f"this system has no {FULL}")
    options = broken(pipe)
    try:
        with serve(tmp_path, **options) as server:
            come_and_go(server.address, "ada", "eva")
            server.terminate()
            assert server.wait() == 0
    finally:
        if broken is _full_disk:
            os.close(int(str(options["stderr"])))


# -- the thread


def told(lines: Iterator[str]) -> Iterator[str]:
    """What the lines of a log say, without time and level."""
    return (line.split(maxsplit=3)[-1] for line in lines)


def test_what_waits_is_bounded_and_what_is_lost_is_told(pipe: Pipe) -> None:
    """What happened first is kept, and later it is said how many lines are missing."""
    total = 2 * WAITING_LIMIT // 1000
    with logging_to(pipe.writer):
        for each in range(total):
            log.info("%d %s", each, "x" * 1000)
        found: list[int] = []
        lost, reading = 0, told(pipe.lines())
        while len(found) + lost < total:
            number, said = next(reading).split(maxsplit=1)
            if "lost" in said:
                lost += int(number)
            else:
                found.append(int(number))
        assert lost
        assert found == sorted(set(found))
        assert found[:1000] == list(range(1000))
        log.info("all is well again")
        assert next(reading) == "all is well again"


def test_each_keeps_to_its_order_and_no_line_is_broken(pipe: Pipe) -> None:
    """Whatever the others log meanwhile."""

    def work(name: str) -> None:
        for number in range(500):
            log.info("%s", name, extra={"number": number})

    with logging_to(pipe.writer, as_json=True):
        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        reading = pipe.lines()
        found = [json.loads(next(reading)) for _ in range(2000)]
        for thread in threads:
            thread.join()
    for name in "abcd":
        assert [each["number"] for each in found if each["event"] == name] == list(range(500))


def test_a_stderr_that_is_set_up_not_to_wait_loses_nothing(pipe: Pipe) -> None:
    """Other programs at the same terminal may have done so."""
    os.set_blocking(pipe.writer, False)
    with logging_to(pipe.writer):
        for number in range(200):
            log.info("%d %s", number, "x" * 1000)
        reading = told(pipe.lines())
        assert [int(next(reading).split()[0]) for _ in range(200)] == list(range(200))


@pytest.mark.skipif(not FULL.exists(), reason=f"this system has no {FULL}")
def test_a_disk_that_has_space_again_has_the_log_again(tmp_path: Path) -> None:
    """And is told what is missing."""
    path = tmp_path / "log"
    descriptor = os.open(FULL, os.O_WRONLY)
    try:
        with logging_to(descriptor) as writer:
            log.info("one")
            log.info("two")
            eventually(lambda: writer.lost == 2)
            with open(path, "wb") as file:
                os.dup2(file.fileno(), descriptor)
            log.info("three")
    finally:
        os.close(descriptor)
    assert list(told(iter(path.read_text().splitlines()))) == [
        "three",
        "2 lines of this log could not be written, and are lost",
    ]


def test_a_line_that_was_cut_is_ended_before_the_next(tmp_path: Path, pipe: Pipe) -> None:
    """So a JSON reader loses one line and not two."""
    path = tmp_path / "log"
    with logging_to(pipe.writer) as writer:
        log.info("%s", "x" * 200_000)
        pipe.read_beginning()
        pipe.stop_reading()
        eventually(lambda: writer.lost == 1)
        with open(path, "wb") as file:
            os.dup2(file.fileno(), pipe.writer)
        log.info("next")
    cut, *rest = path.read_text().splitlines()
    assert not cut
    assert next(told(iter(rest))) == "next"


def test_whoever_logs_after_the_end_writes_by_itself(tmp_path: Path) -> None:
    """Such as what nobody caught, which ends the program."""
    path = tmp_path / "log"
    with open(path, "w") as file:
        with logging_to(file.fileno()):
            log.info("first")
        log.info("last")
        sys.excepthook(KeyError, KeyError("x"), None)
        assert list(told(iter(path.read_text().splitlines())))[:2] == ["first", "last"]
        assert "KeyError: 'x'" in path.read_text()


def test_the_journal_is_known_behind_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that it is told the level of each line."""
    with open(tmp_path / "journal", "w+") as journal:
        monkeypatch.setenv("JOURNAL_STREAM", journal_stream(journal.fileno()))
        with logging_to(journal.fileno()):
            log.warning("a warning")
        assert (tmp_path / "journal").read_text() == "<4>a warning\n"


def test_an_exception_in_a_thread_is_logged(pipe: Pipe) -> None:
    """By the thread of the log, as all else."""
    with logging_to(pipe.writer, as_json=True):
        thread = threading.Thread(target=lambda: 1 / 0, name="unlucky")
        thread.start()
        thread.join()
        assert "ZeroDivisionError" in json.loads(next(pipe.lines()))["exception"]
