"""The keyboard, on a terminal of its own."""

import os
import sys
import termios
import threading
from collections.abc import Iterator

import pytest

from chat_server.admin.live.live_keys import DOWN, UP, LiveKeys


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The other side of the terminal that is the standard input, where one types."""
    ours, theirs = os.openpty()
    with open(theirs, encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        # Its process group is whose turn it is: only a terminal of one's own has one.
        monkeypatch.setattr(os, "tcgetpgrp", lambda _: os.getpgrp())
        yield ours
    os.close(ours)


def test_keys_come_one_by_one(terminal: int) -> None:
    """Also those that were typed fast, and arrows, which are three bytes."""
    with LiveKeys() as keys:
        os.write(terminal, b"s\x1b[A\x1b[Bq")
        assert [keys.wait(10) for _ in range(4)] == ["s", UP, DOWN, "q"]
        assert keys.wait(0) == ""


def test_it_waits_for_a_key(terminal: int) -> None:
    """Not only for one that was typed before."""
    with LiveKeys() as keys:
        typing = threading.Thread(target=os.write, args=(terminal, b"x"))
        typing.start()
        assert keys.wait(10) == "x"
        typing.join()


def test_the_terminal_is_as_it_was(terminal: int) -> None:
    """Whatever ended the view."""
    before = termios.tcgetattr(terminal)

    def view() -> None:
        with LiveKeys():
            assert not termios.tcgetattr(terminal)[3] & termios.ECHO
            raise KeyError

    with pytest.raises(KeyError):
        view()
    assert termios.tcgetattr(terminal) == before


def test_a_terminal_that_is_gone_leaves(terminal: int) -> None:
    """As `q` does."""
    with LiveKeys() as keys:
        with open(os.devnull, "rb") as nowhere:
            os.dup2(nowhere.fileno(), terminal)  # the last descriptor of its other side
        assert keys.wait(10) == "q"


def test_what_is_no_terminal_has_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe may hold anything."""
    reader, writer = os.pipe()
    os.write(writer, b"q")
    with open(reader, encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        with LiveKeys() as keys:
            assert keys.wait(0) == ""
    os.close(writer)
