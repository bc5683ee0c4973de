"""The log: a line an event, whatever clients send, as text and as JSON."""

import io
import json
import logging
import os
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chat_server.runtime import logs
from tests.chat_server.network.test_listener import needs_ipv6
from tests.support.peer import Peer
from tests.support.servers import ServerProcess
from tests.support.waiting import eventually

log = logging.getLogger("tests.somewhere")

EVIL = (
    "eva\n2026-01-01 00:00:00 ERROR   forged\r\x1b[2J\x1b]0;owned\x07\x85\u2028\u202egnp.\x7f\ud800"
)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """What a test sets up is its own."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, threading.excepthook, sys.excepthook
    yield
    root.handlers[:], level, threading.excepthook, sys.excepthook = before
    root.setLevel(level)


def lines(*, as_json: bool, level: str = "info") -> "Lines":
    """Set the log up, and return what is written from now on."""
    stream = Lines()
    logs.set_up(level, stream, as_json=as_json)
    return stream


class Lines(io.StringIO):
    """A log that a test reads."""

    @property
    def all(self) -> list[str]:
        """What was written, cut wherever some program might cut it."""
        return self.getvalue().splitlines()

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The same, as JSON."""
        return [json.loads(line) for line in self.all]


def fail(text: str) -> None:
    """Log an exception with this text."""
    try:
        raise ValueError(text)
    except ValueError:
        log.exception("it failed for %s", text)


def test_a_text_is_one_line_with_escapes() -> None:
    """Nothing that a client is called begins a line, or drives a terminal."""
    written = lines(as_json=False)
    log.info("%s came in", EVIL)
    (line,) = written.all
    assert line.endswith(
        r"INFO    eva\n2026-01-01 00:00:00 ERROR   forged\r\x1b[2J\x1b]0;owned\x07\x85"
        r"\u2028\u202egnp.\x7f\ud800 came in"
    )


def test_what_people_write_stays_as_it_is() -> None:
    """Escapes are for what does not simply show."""
    written = lines(as_json=False)
    log.info("%s came in", "Zoë-愛-🦊")
    assert written.all[0].endswith("Zoë-愛-🦊 came in")


def test_an_exception_cannot_forge_a_line_either() -> None:
    """All lines of a traceback but its heading are indented."""
    written = lines(as_json=False)
    fail(EVIL)
    event, heading, *rest = written.all
    assert "it failed for eva" in event
    assert heading == "Traceback (most recent call last):"
    assert all(line.startswith("  ") for line in rest)
    assert "\x1b" not in written.getvalue()


def test_the_journal_is_told_the_level_and_has_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line has its level as sd-daemon(3) describes. A nick is never taken for a level."""
    with (tmp_path / "journal").open("w+", encoding="utf-8") as stream:
        monkeypatch.setenv("JOURNAL_STREAM", journal_stream(stream.fileno()))
        logs.set_up("debug", stream)
        log.info("%s came in", "<0>eva")
        log.debug("she is here")
        log.warning("beware")
        fail("her")
        logs.set_up("debug", stream, as_json=True)
        log.warning("as an object")
        stream.seek(0)
        *found, line = stream.read().splitlines()
    assert found[:4] == ["<6><0>eva came in", "<7>she is here", "<4>beware", "<3>it failed for her"]
    assert found[4] == "<3>Traceback (most recent call last):"
    assert all(each.startswith("<3>  ") for each in found[5:])
    assert json.loads(line.removeprefix("<4>"))["event"] == "as an object"


def test_another_stream_than_the_journals_has_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable is passed on to all children, also to those whose stderr goes elsewhere."""
    with (
        (tmp_path / "journal").open("w") as journal,
        (tmp_path / "log").open("w+", encoding="utf-8") as stream,
    ):
        monkeypatch.setenv("JOURNAL_STREAM", journal_stream(journal.fileno()))
        logs.set_up("info", stream)
        log.info("ana came in")
        stream.seek(0)
        assert re.fullmatch(r"[-\d]{10} [:\d]{8} INFO    ana came in\n", stream.read())
    written = lines(as_json=False)  # no descriptor at all
    log.info("ana came in")
    assert written.all[0].endswith("INFO    ana came in")


def journal_stream(descriptor: int) -> str:
    """What systemd sets for a service whose stderr is this."""
    found = os.fstat(descriptor)
    return f"{found.st_dev}:{found.st_ino}"


def test_json_is_one_object_a_line() -> None:
    """With the time in UTC, the level, the logger, the event, and the fields that there are."""
    written = lines(as_json=True)
    log.warning("%s came in from %s", "ana", "10.0.0.7:1", extra={"nick": "ana", "event": "no"})
    (found,) = written.objects
    assert list(found) == ["time", "level", "logger", "event", "nick"]
    assert found["event"] == "ana came in from 10.0.0.7:1"
    assert (found["level"], found["logger"]) == ("warning", "tests.somewhere")
    assert found["time"][10] == "T"
    assert found["time"].endswith("Z")


def test_json_holds_whatever_comes_and_stays_one_line() -> None:
    """The text is whole when it is read back, and no raw character of it is in the line."""
    written = lines(as_json=True)
    log.info("%s came in", EVIL, extra={"nick": EVIL, "where": Path("/x"), "many": [1, {2}]})
    fail(EVIL)
    first, second = written.objects
    assert first["nick"] == EVIL
    assert first["event"] == f"{EVIL} came in"
    assert first["where"] == "/x"
    assert second["exception"].startswith("Traceback (most recent call last):\n")
    assert EVIL in second["exception"]
    assert written.getvalue().isascii()
    assert "\x1b" not in written.getvalue()


@pytest.mark.parametrize("as_json", [False, True])
def test_a_level_leaves_out_what_is_below(as_json: bool) -> None:
    """And can be changed, like the form."""
    written = lines(as_json=as_json, level="error")
    log.warning("not this")
    assert written.all == []
    logs.set_up("debug", written, as_json=not as_json)
    log.debug("this")
    assert len(written.all) == 1


def test_an_exception_that_nobody_caught_is_logged() -> None:
    """Of a thread and of the program."""
    written = lines(as_json=True)
    thread = threading.Thread(target=lambda: 1 / 0, name="unlucky")
    thread.start()
    thread.join()
    error = KeyError("x")
    sys.excepthook(KeyError, error, None)
    first, second = written.objects
    assert first["event"] == "unlucky ended by a mistake of the server's"
    assert "ZeroDivisionError" in first["exception"]
    assert "KeyError: 'x'" in second["exception"]


def test_every_line_of_a_server_is_an_object(tmp_path: Path) -> None:
    """With --log-json: who comes and goes, who sends nonsense, what goes wrong at the start."""
    with ServerProcess.serve(tmp_path, "--log-json", "--log-level", "debug") as server:
        with Peer.connect(server.address) as ada:
            ada.hello(EVIL[:-1])
            ada.hello("ada", client=EVIL[:-1])
            ada.ok("bye")
            ada.expect_end("bye")
        again = ("--host", "127.0.0.1", "--port", "0", "--data", tmp_path, "--log-json")
        with ServerProcess(*again) as other:
            assert other.wait() == 2
            (problem,) = [json.loads(line) for line in other.stderr.splitlines()]
            assert "in use" in problem["event"]
        server.terminate()
        assert server.wait() == 0
        found = [json.loads(line) for line in server.stderr.splitlines()]
        (came,) = [each for each in found if "came in" in each["event"]]
        assert came["nick"] == "ada"
        assert came["peer"].startswith("127.0.0.1:")
        (left,) = [each for each in found if "left" in each["event"]]
        assert (left["nick"], left["code"]) == ("ada", "bye")


@needs_ipv6
def test_an_ipv6_peer_stands_in_brackets(tmp_path: Path) -> None:
    """So that host and port can be told apart, here as wherever an address is written."""
    with ServerProcess.serve(tmp_path, "--log-level", "debug", host="::1") as server:
        with Peer.connect(server.address) as ada:
            ada.hello("ada")
            ada.ok("bye")
            ada.expect_end("bye")
        server.terminate()
        assert server.wait() == 0
    assert re.search(r"\[::1\]:\d+", server.stderr)
    assert not re.search(r"::1:\d", server.stderr)


def test_a_log_that_is_copied_and_emptied_goes_on(tmp_path: Path) -> None:
    """As logrotate does with `copytruncate`: the file is opened to append, as `2>>` does."""
    path = tmp_path / "server.log"
    with (
        open(path, "ab") as file,
        ServerProcess(
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--data",
            tmp_path / "data",
            "--log-level",
            "debug",
            stderr=file.fileno(),
        ) as server,
    ):
        server.wait_until_listening()
        _come_and_go(server, "ada")
        eventually(lambda: "ada left" in path.read_text())
        os.truncate(path, 0)
        _come_and_go(server, "eva")
        eventually(lambda: "eva" in path.read_text())
    text = path.read_text()
    assert "ada" not in text
    assert "\0" not in text


def _come_and_go(server: ServerProcess, nick: str) -> None:
    with Peer.connect(server.address) as peer:
        peer.hello(nick)
        peer.ok("bye")
        peer.expect_end("bye")
