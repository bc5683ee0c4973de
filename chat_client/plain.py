"""The client without a terminal: each line of stdin is said, what is said comes out on stdout.

Nothing in a line is a command, so that any text can be piped in. What the client itself has to
tell goes to stderr.
"""

import os
import sys
import threading
from contextlib import suppress
from queue import SimpleQueue
from typing import TextIO

from chat_client.address import Address
from chat_client.chat import Room, connect
from chat_client.errors import ChatError, Closed
from chat_client.events import Connected, Ended, Event, Postponed, Reconnecting, Removed
from chat_client.lines import Lines
from protocol.framing import FRAME_LIMIT
from protocol.messages import Direct, Message

DONE, REFUSED = 0, 1
"""Exit codes: everything was said; something was not."""

_AHEAD = 100
"""Lines that are read before the ones before them are said."""

_ECHO = 5.0
"""Seconds to wait for what we said last to come back, so that it is printed before we leave."""


def run(address: Address, nick: str | None, room: str) -> int:
    """Say what stdin holds and print what is said; return the exit code.

    Raises:
        ChatError: the first connection could not be made, or the room not be entered.
    """
    plain = _Plain(room)
    with connect(address, nick=nick, on_event=plain.hear) as chat:
        plain.nick = chat.nick
        joined = chat.join(room)
        threading.Thread(target=plain.read_stdin, name="chat-client stdin", daemon=True).start()
        return plain.say_all(joined)


class _Plain:
    """The state that the three threads share: main, stdin and the session's reader."""

    def __init__(self, room: str) -> None:
        self._room = room
        # str: a line. None: stdin has ended. int: end now, with that exit code.
        self._todo: SimpleQueue[str | int | None] = SimpleQueue()
        self._ahead = threading.Semaphore(_AHEAD)
        self._stdout_gone = False  # the reader's own
        self._out, self._err = _lines(sys.stdout), _lines(sys.stderr)
        self.nick = ""  # ours at the start; only what it looks like depends on it

    def say_all(self, room: Room) -> int:
        """Say each line once the one before it is stored: they keep their order."""
        outcome, last = DONE, 0
        while (line := self._todo.get()) is not None:
            if isinstance(line, int):
                return line
            self._ahead.release()
            try:
                last = room.say(line)
            except Closed:
                return REFUSED  # the reader has said why
            except ChatError as error:
                outcome = REFUSED
                self._tell(self._err.error(f"not said: {error}"))
        if last:
            room.wait_for(last, _ECHO)
        return outcome

    def read_stdin(self) -> None:
        """Hand over line after line. Straight from the descriptor: a daemon thread that holds
        the lock of `sys.stdin` while the interpreter ends would crash it.
        """
        rest = b""
        with suppress(OSError):
            while sys.stdin and (data := os.read(sys.stdin.fileno(), 65536)):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._hand_over(line)
                rest = rest[:FRAME_LIMIT]  # as much as it takes to be refused as too long
        self._hand_over(rest)
        self._todo.put(None)

    def _hand_over(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip("\r")
        if text and not text.isspace():
            self._ahead.acquire()
            self._todo.put(text)

    def hear(self, event: Event) -> None:
        """Print an event. On the session's reader."""
        match event:
            case Message() | Direct():
                self._print(self._out.of(event, self.nick, self._room))
            case Connected(again=True) | Reconnecting() | Postponed() | Removed():
                self._tell(self._err.of(event, self.nick, self._room))
            case Ended(reason) if reason is not None:
                self._tell(self._err.of(event, self.nick, self._room))
                self._todo.put(REFUSED)

    def _print(self, line: str | None) -> None:
        if self._stdout_gone:
            return
        try:
            print(line, flush=True)
        except OSError:  # a pipe whose reader left
            self._stdout_gone = True
            # What is still in the buffer must not fail again when the interpreter ends.
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), sys.stdout.fileno())
            self._todo.put(REFUSED)

    def _tell(self, line: str | None) -> None:
        print(line, file=sys.stderr, flush=True)


def _lines(stream: TextIO) -> Lines:
    return Lines(stream is not None and stream.isatty() and "NO_COLOR" not in os.environ)
