"""The client without a terminal: it says each line of stdin, and prints messages on stdout.

No line is a command, so any text can be piped in. The client's own notes go to stderr; with JSON
records they are records on stdout.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue

from chat_client.api.chat import Chat, connect
from chat_client.api.room import Room
from chat_client.config import streams
from chat_client.config.exit_codes import DONE, NOT_SAID, ended_by_server
from chat_client.display.records import Record, refused_as_json
from chat_client.display.terminal_lines import Lines
from chat_client.display.text import bare_line, bare_text, one_line
from chat_client.errors import ChatError, Closed
from chat_client.events import (
    Connected,
    Ended,
    Entered,
    Event,
    Postponed,
    Reconnecting,
    Removed,
    Trusted,
)
from chat_client.files.waiting import join, next_of
from chat_client.session.hello import Credentials
from chat_client.transport.addresses import Addresses
from chat_client.transport.trace import Trace
from protocol.framing import FRAME_LIMIT
from protocol.messages import HandChange, Invited, Oldest, PlaceChange, RoleChange, RulesChange

_AHEAD = 100
"""Lines that the client reads ahead of the line that it says."""

SAY_LIMIT = 60.0
"""Seconds after which `say` gives up by itself. A server that restarts, or asks to wait, mostly
takes less.
"""

_ECHO = 5.0
"""Seconds to wait until our last message comes back, so that it is printed before we leave."""


def run(
    servers: Addresses,
    nick: str | None,
    room: str,
    credentials: Credentials,
    *,
    record: Record,
    json: bool,
    colours: int,
    listen: bool,
    timeout: float | None,
    trace: Trace | None = None,
) -> int:
    """Say what stdin holds and print what is said; return the exit code.

    Args:
        servers: where the chat can be reached.
        nick: who to be, None for the login name.
        room: the room to talk in.
        credentials: the passwords.
        record: turns an event into the record that is printed.
        json: whether records are JSON; then the client's own notes are records, too.
        colours: how many stderr has.
        listen: whether to read no stdin and print until the chat ends.
        timeout: seconds after which to leave, None for never.
        trace: is told of each frame.

    Raises:
        ChatError: the first connection failed, or the client could not enter the room.
    """
    plain = _Plain(room, record, json, Lines(colours), timeout)
    code = DONE
    with (
        connect(
            servers,
            nick=nick,
            password=credentials.password,
            account_password=credentials.account_password,
            on_event=plain.hear,
            bot=False,
            trace=trace,
        ) as chat,
        _ending(chat, timeout, plain.stop),
    ):
        joined = chat.join(room)
        if not listen:
            reader = threading.Thread(
                target=plain.read_stdin, name="chat-client stdin", daemon=True
            )
            reader.start()
        code = plain.say_all(joined)
    # Only now: our last message may come back while we leave, and stdout may fail then.
    return code or (NOT_SAID if plain.stdout_gone else DONE)


def say(
    servers: Addresses,
    nick: str | None,
    room: str,
    credentials: Credentials,
    text: str,
    timeout: float | None,
    trace: Trace | None = None,
) -> int:
    """Say one thing and leave; return the exit code.

    Args:
        servers: where the chat can be reached.
        nick: who to be, None for the login name.
        room: the room to talk in.
        credentials: the passwords.
        text: what to say.
        timeout: seconds after which to give up, None for `SAY_LIMIT`.
        trace: is told of each frame.

    Raises:
        ChatError: the first connection failed, or the client could not enter the room.
    """
    limit = SAY_LIMIT if timeout is None else timeout
    late = threading.Event()
    with (
        connect(
            servers,
            nick=nick,
            password=credentials.password,
            account_password=credentials.account_password,
            on_event=_tell_of_trust,
            bot=False,
            trace=trace,
        ) as chat,
        _ending(chat, limit, late.set),
    ):
        joined = None
        try:
            joined = chat.join(room)
            joined.say(bare_text(text))
        except ChatError as error:
            if joined is None and not late.is_set():
                raise
            reason = _late(limit) if late.is_set() else one_line(str(error))
            streams.tell(f"chat-client: not said: {reason}")
            return ended_by_server(error.code) if isinstance(error, Closed) else NOT_SAID
        return DONE


def _late(seconds: float) -> str:
    return f"no answer from the server in {seconds:g} s (--timeout TIME sets this limit)"


@contextmanager
def _ending(chat: Chat, seconds: float | None, stop: Callable[[], None]) -> Iterator[None]:
    """After some seconds call `stop` and close the chat, which wakes whoever waits for a reply.

    Raises:
        Closed: the chat was closed before the client had entered the room.
    """
    if seconds is None:
        yield
        return

    def end() -> None:
        stop()
        chat.close()

    timer = threading.Timer(seconds, end)
    timer.name = "chat-client timeout"
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        join(timer)


def _tell_of_trust(event: Event) -> None:
    if isinstance(event, Trusted):
        streams.tell(Lines(0).of(event, "", None) or "")


class _Plain:
    """The state that the three threads share: main, stdin and the session's reader."""

    def __init__(
        self, room: str, record: Record, json: bool, lines: Lines, timeout: float | None
    ) -> None:
        self._room = room
        self._record = record
        self._json = json
        self._lines = lines
        self._timeout = timeout
        # tuple: the number of a line, and the line. None: stdin has ended. int: exit with it now.
        self._todo: SimpleQueue[tuple[int, str] | int | None] = SimpleQueue()
        self._late = threading.Event()
        self._ahead = threading.Semaphore(_AHEAD)
        self._slowed = False  # whether the user knows that the server asks to wait; the reader's
        # Guards stdout, which must have whole lines, and stdout_gone. A leaf.
        self._printing = threading.Lock()
        self.stdout_gone = False

    def say_all(self, room: Room) -> int:
        """Say each line when the one before it is stored, so that they keep their order."""
        outcome, last = DONE, 0
        while (todo := next_of(self._todo)) is not None:
            if isinstance(todo, int):
                return todo
            number, line = todo
            self._ahead.release()
            try:
                last = room.say(line)
            except Closed as error:  # the reader has told the reason, unless we closed it
                if self._timeout is not None and self._late.is_set():
                    self._refused(number, line, Closed(_late(self._timeout)))
                return ended_by_server(error.code)
            except ChatError as error:
                outcome = NOT_SAID
                self._refused(number, line, error)
        if last:
            room.wait_for(last, _ECHO)
        return outcome

    def stop(self) -> None:
        """End because the time is over. From any thread."""
        self._late.set()
        self._todo.put(None)

    def read_stdin(self) -> None:
        """Hand over line after line. It reads the descriptor, not `sys.stdin`: a daemon thread that
        holds the lock of `sys.stdin` while the interpreter ends would crash it.
        """
        rest, number = b"", 0
        with suppress(OSError):
            while sys.stdin and (data := os.read(sys.stdin.fileno(), 65536)):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    number += 1
                    self._hand_over(number, line)
                if len(rest) > FRAME_LIMIT:
                    rest = _last_state(rest)[:FRAME_LIMIT]  # still too long, so it is refused
        self._hand_over(number + 1, rest)
        self._todo.put(None)

    def _hand_over(self, number: int, line: bytes) -> None:
        text = bare_line(line.decode("utf-8", "replace"))
        if text and not text.isspace():
            self._ahead.acquire()
            self._todo.put((number, text))

    def hear(self, event: Event) -> None:
        """Print an event. On the session's reader."""
        record = self._record(event)
        if record is not None:
            self._print(record)
        if not self._json:
            self._tell_about(event)
        if isinstance(event, Ended) and event.reason is not None:
            self._todo.put(ended_by_server(event.code))

    def _tell_about(self, event: Event) -> None:
        match event:
            case Entered(gone=gone) if gone:
                self._tell(self._lines.diverged(event))
            case Connected(again=True) | Reconnecting() | Removed() | RoleChange() | Ended():
                self._tell(self._lines.of(event, "", self._room))
            case Trusted():
                self._tell(self._lines.of(event, "", self._room))
            case RulesChange(why="muted") | Invited():
                self._tell(self._lines.of(event, "", self._room))
            case HandChange(up=True) | PlaceChange(place=0) | Oldest():
                self._tell(self._lines.of(event, "", self._room))
            case Postponed() if not self._slowed:  # told once, not for each line
                self._slowed = True
                self._tell(self._lines.of(event, "", self._room))

    def _refused(self, number: int, line: str, error: ChatError) -> None:
        if self._json:
            self._print(refused_as_json(number, line, error))
        else:
            self._tell(self._lines.error(f"line {number} was not said: {error}"))

    def _print(self, record: str) -> None:
        with self._printing:
            if self.stdout_gone:
                return
            try:
                streams.write(record)
                return
            except OSError as error:  # the reader of a pipe has gone, or a disk is full
                self.stdout_gone = True
                reason = error
        streams.tell_unwritable(reason)
        self._todo.put(NOT_SAID)

    def _tell(self, line: str | None) -> None:
        if line is not None:
            streams.tell(line)


def _last_state(line: bytes) -> bytes:
    """Return what stands behind the last carriage return of a line, ignoring those at its end."""
    return line[line.rstrip(b"\r").rfind(b"\r") + 1 :]
