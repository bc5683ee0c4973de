"""`chat-lab replay FILE`: play back, frame by frame, what `chat-client --trace FILE` kept."""

import argparse
import os
import re
import select
import sys
import termios
import time
import tty
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from chat_client.config.streams import discard
from chat_client.display.text import one_line
from chat_client.display.trace_lines import trace_lines
from chat_client.files.trace_file import Heading, NotATraceError, Traced, read_trace
from lab.stage.errors import LabError

_LONGEST_PAUSE = 2.0
"""Seconds that playing waits at most for the next frame, however long it took to come."""

_NEXT, _BACK, _PLAY, _FIRST, _QUIT = "next", "back", "play", "first", "quit"

_KEYS = {
    "\n": _NEXT,
    "\r": _NEXT,
    " ": _NEXT,
    "n": _NEXT,
    "\x1b[C": _NEXT,
    "\x1b[B": _NEXT,
    "b": _BACK,
    "\x1b[D": _BACK,
    "\x1b[A": _BACK,
    "p": _PLAY,
    "g": _FIRST,
    "q": _QUIT,
    "\x04": _QUIT,
    "": _QUIT,  # the terminal is gone
}

_KEY = re.compile(r"\x1b\[[0-9;]*[A-Za-z~]|.", re.DOTALL)

_HELP = "Enter next, b back, p play, g first, q quit"


def main(arguments: Sequence[str]) -> int:
    """Play a trace back. Return the exit code."""
    parser = argparse.ArgumentParser(
        prog="chat-lab replay",
        description="Play back what `chat-client --trace FILE` kept, frame by frame. On a terminal "
        f"the keys are: {_HELP}. Elsewhere all of it is printed.",
        allow_abbrev=False,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the trace")
    options = parser.parse_args(arguments)
    heading, steps = _read(options.file)
    began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(heading.began))
    try:
        print(f"{one_line(heading.client)}, from {began} on", flush=True)
        if sys.stdin.isatty() and sys.stdout.isatty():
            _step_through(steps)
        else:
            for each in steps:
                print("\n".join(trace_lines(each)))
            sys.stdout.flush()
    except BrokenPipeError:  # as `head` does it
        discard(sys.stdout)
    return 0


def _read(path: Path) -> tuple[Heading, list[Traced]]:
    """The heading of a trace, and what happened."""
    try:
        heading, *steps = read_trace(path)
    except NotATraceError as error:
        raise LabError(f"{error}.") from None
    except OSError as error:
        raise LabError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from None
    assert isinstance(heading, Heading)
    return heading, [each for each in steps if isinstance(each, Traced)]


def _step_through(steps: Sequence[Traced]) -> None:
    """Show a step for each key that is pressed."""
    if not steps:
        print("Nothing happened.")
        return
    place, playing = 0, False
    with _Keyboard() as keyboard:
        while True:
            _show(steps, place)
            pause = _pause_before(steps, place + 1) if playing else None
            asked = keyboard.wait(pause)
            if asked is None:  # the next one is due
                place += 1
            elif asked == _QUIT:
                break
            elif asked == _PLAY:
                playing = not playing
            else:
                playing = False
                place = {_NEXT: min(place + 1, len(steps) - 1), _BACK: max(place - 1, 0)}.get(
                    asked, 0
                )
            playing = playing and place + 1 < len(steps)
            print("\r\x1b[K", end="")
    print()


def _show(steps: Sequence[Traced], place: int) -> None:
    print("\n".join(trace_lines(steps[place])))
    print(f"{place + 1} of {len(steps)}: {_HELP}", end="", flush=True)


def _pause_before(steps: Sequence[Traced], place: int) -> float:
    return min(max(0.0, steps[place].at - steps[place - 1].at), _LONGEST_PAUSE)


class _Keyboard:
    """The keyboard, key by key and without an echo. A context manager."""

    def __init__(self) -> None:
        self._terminal = sys.stdin.fileno()
        self._before = termios.tcgetattr(self._terminal)
        self._read: list[str] = []  # keys that came together with one before

    def __enter__(self) -> Self:
        tty.setcbreak(self._terminal, termios.TCSADRAIN)
        return self

    def __exit__(self, *_: object) -> None:
        termios.tcsetattr(self._terminal, termios.TCSADRAIN, self._before)

    def wait(self, within: float | None) -> str | None:
        """Wait for a key that means something; None where none came within so many seconds."""
        deadline = None if within is None else time.monotonic() + within
        while True:
            while self._read:
                if (asked := _KEYS.get(self._read.pop(0))) is not None:
                    return asked
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._terminal], [], [], left)[0]:
                return None
            pressed = os.read(self._terminal, 64).decode(errors="replace")
            self._read = _KEY.findall(pressed) or [""]
