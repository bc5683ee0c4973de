"""The client on a terminal: an input line at the bottom, the chat above it.

It has three threads. The main thread runs the event loop, and owns the screen, the keyboard and the
view. The session's reader hands over events. The sender runs the commands that ask the server, one
line after the other, and waits for the replies so that the other two never wait.
"""

import asyncio
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from queue import SimpleQueue
from types import TracebackType
from typing import Any

from chat_client.api.chat import Chat, connect
from chat_client.commands.command import Talk, Typed
from chat_client.commands.parse import parse
from chat_client.commands.room_commands import SHOWN
from chat_client.commands.table import COMMANDS
from chat_client.commands.talk.talk_commands import SAY
from chat_client.config import streams
from chat_client.config.credentials import is_exposed
from chat_client.config.exit_codes import DONE, ended_by_server
from chat_client.config.settings import colours
from chat_client.display.state.model import Bell, View
from chat_client.display.state.people import Person
from chat_client.display.status_line import changes_by_itself
from chat_client.display.terminal_lines import Lines
from chat_client.display.text import one_line
from chat_client.display.time_format import Clock
from chat_client.display.trace_lines import trace_lines
from chat_client.errors import ChatError, Closed, CommandError
from chat_client.events import Ended, Entered, Event
from chat_client.files import user_files
from chat_client.files.osdep import columns, is_gone, on_ending_signals, on_waking
from chat_client.files.trace_file import Traced
from chat_client.files.waiting import join
from chat_client.session.hello import Credentials
from chat_client.transport.addresses import Addresses
from chat_client.transport.trace import Trace
from chat_client.ui.prompt import Drafts, Prompt
from chat_client.ui.screen import Screen
from protocol.errors import ProtocolError
from protocol.text import normalize_password

_PATIENCE = 5.0
"""Seconds that a line may wait where the server asks for it. In slow mode the server may
ask for minutes, and every later line would wait, too: the client gives such a line back."""

_FLUSH = 2.0
"""Seconds that the client may take to send the last lines when the user leaves."""

_TICK = 0.25
"""Seconds between two checks whether the status line has to be drawn again."""

_MEASURE = 40
"""Ticks between two measurements of the round trip."""

_LONG_PASTE = 5
"""Lines that are sent as one message without a question."""


def run(
    servers: Addresses,
    nick: str,
    room: str,
    credentials: Credentials,
    *,
    kept: user_files.KeptSession,
    color: str,
    bell: Bell,
    clock: Clock,
    trace: Trace | None = None,
    beside: bool = False,
) -> int:
    """Chat until the user leaves or the server ends it; return the exit code.

    Args:
        servers: where the chat can be reached.
        nick: who to be.
        room: the room to enter first.
        credentials: the passwords.
        kept: where the session is kept in case the program is killed.
        color: one of `settings.COLOUR_MODES`.
        bell: what rings.
        clock: shows times.
        trace: is told of each frame.
        beside: whether the frames are shown in the chat while it is on the screen.

    Raises:
        ChatError: the first connection failed, or the client could not enter the room.
    """
    sys.excepthook = _confess
    count = colours(color)
    lines = Lines(count, clock, lambda: columns(sys.stdout))
    with asyncio.Runner() as runner:
        terminal = _Terminal(runner.get_loop(), lines, count, servers, bell)
        threading.excepthook = terminal.fail_in_thread
        with connect(
            servers,
            nick=nick,
            password=credentials.password,
            account_password=credentials.account_password,
            on_event=terminal.hear,
            patience=_PATIENCE,
            keeper=kept,
            bot=False,
            trace=trace,
        ) as chat:
            terminal.open(chat, room)
            try:
                with _shown_by(trace if beside else None, terminal.show_traced):
                    runner.run(terminal.converse())
            finally:
                terminal.finish()
            told = chat.connected  # then the server is told that we leave
        code = terminal.close()
        if told or code != DONE:
            kept.forget()
        return code


class _Terminal:
    """The parts of the program on a terminal. Made, opened and closed by the main thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        lines: Lines,
        colour_count: int,
        servers: Addresses,
        bell: Bell,
    ) -> None:
        self._loop = loop
        self._lines = lines
        self._colours = colour_count
        self._screen = Screen(loop)
        self._view = View(
            lines, str(servers), bell, user_files.read_ignored(), user_files.write_ignored
        )
        self._exposed = is_exposed(servers)
        self._drafts = Drafts()
        self._todo: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._sender = threading.Thread(target=self._send, name="chat-client sender")
        self._over = threading.Event()
        self._code = DONE  # the exit code; the reader writes it until the chat is closed
        self._mistake: BaseException | None = None
        # Set by `open`, on the main thread, before any other thread reads them.
        self._talk: Talk
        self._prompt: Prompt

    # -- from any thread ------------------------------------------------------------------------

    def end(self) -> None:
        """End the program soon."""
        self._over.set()
        with suppress(RuntimeError):  # the loop is closed: the program ends already
            self._loop.call_soon_threadsafe(self._leave_prompt)

    def hear(self, event: Event) -> None:
        """Show an event. On the session's reader."""
        self._screen.post(event)
        if isinstance(event, Entered):
            self._todo.put(partial(self._learn_names, event.room))
        if isinstance(event, Ended):
            self._code = DONE if event.reason is None else ended_by_server(event.code)
            self.end()

    def show_traced(self, traced: Traced) -> None:
        """Show a frame that went over the connection. On the trace's thread."""
        self._screen.post(lambda: trace_lines(traced))

    def fail_in_thread(self, what: threading.ExceptHookArgs) -> None:
        """End because one of our threads failed, and raise its error in the end."""
        self._mistake = self._mistake or what.exc_value
        self.end()

    # -- main -----------------------------------------------------------------------------------

    def open(self, chat: Chat, room: str) -> None:
        """Begin the conversation in a room, and start the sender.

        Raises:
            ChatError: the client cannot enter the room.
        """
        self._talk = Talk(chat, self._view, self._lines, COMMANDS, self._screen.post, self.end)
        self._prompt = Prompt(
            self._view,
            self._drafts,
            self._colours,
            self._accept,
            lambda: chat.round_trip,
            self._exposed,
        )
        if not user_files.read_typed():  # a new user
            self._talk.note("type to talk; /help lists the commands")
        chat.join(room, history=SHOWN)
        self._sender.start()

    async def converse(self) -> None:
        """Read what is typed until the user leaves or the chat is over."""
        on_ending_signals(self.end)
        on_waking(lambda: self._loop.call_soon_threadsafe(self._wake))
        signal.signal(signal.SIGINT, self._interrupt)
        self._loop.set_exception_handler(self._fail)
        self._screen.write_some(self._view)  # so that the first prompt knows its room
        tasks = [
            asyncio.create_task(self._screen.write(self._prompt.session, self._view)),
            asyncio.create_task(self._tick()),
        ]
        for task in tasks:
            task.add_done_callback(self._leave_prompt)
        try:
            await self._prompt.session.prompt_async(
                pre_run=self._leave_if_over, set_exception_handler=False, handle_sigint=False
            )
        except (EOFError, KeyboardInterrupt):
            pass
        except OSError as error:
            self._mistake = self._mistake or error
        finally:
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        gone = is_gone(sys.stdout.fileno())
        if gone:  # nobody reads the rest of the output
            streams.discard(sys.stdout)
        for outcome in [self._mistake, *outcomes]:
            if isinstance(outcome, OSError) and gone:
                continue
            if isinstance(outcome, Exception):
                raise outcome

    def finish(self) -> None:
        """Wait for a while until the last lines are sent, but not for what we ask by ourselves."""
        self._screen.release()
        self._todo.put(None)
        if self._drafts.waiting and self._talk.chat.connected:
            self._sender.join(_FLUSH)

    def close(self) -> int:
        """Write the rest of the output once the chat is closed, and return the exit code."""
        join(self._sender)
        self._screen.write_rest(self._view)
        for text in [*(typed.again for typed in self._drafts.waiting), self._prompt.unfinished]:
            if text.strip():
                print(self._lines.error(f"not sent: {text}"))
        return self._code

    async def _tick(self) -> None:
        """Refresh what changes without an event: the round trip, countdowns, the status line."""
        tick = 0
        while True:
            if tick % _MEASURE == 0:
                self._talk.chat.measure()
            if changes_by_itself(self._view) or self._drafts.overdue() or tick % _MEASURE < 2:
                self._prompt.session.app.invalidate()
            while self._view.answers:
                self._todo.put(partial(self._tell_away, self._view.answers.pop(0)))
            await asyncio.sleep(_TICK)
            tick += 1

    def _accept(self, text: str) -> bool:
        """Take a line that the user entered. Return False if it is to stay in the editor."""
        text = text.rstrip("\n")
        if not text.strip():
            return True
        try:
            typed = replace(parse(text, self._view), read=self._view.read_here)
        except CommandError as error:
            self._talk.post(self._lines.error(str(error)))
            return False
        if typed.doubt and typed.to:
            self._talk.post(self._lines.error(typed.doubt))
            self._prompt.ask(f"send it to {typed.to.nick}?", partial(self._same, typed))
            return False
        count = text.count("\n") + 1
        if count > _LONG_PASTE and not typed.command.verbatim:
            self._ask_about_paste(typed, count)
            return False
        self._carry(typed)
        return True

    def _ask_about_paste(self, typed: Typed, count: int) -> None:
        """Ask whether many lines are to be sent; what is for a room may be code."""
        code = None
        if typed.command is SAY:
            as_code = parse(f"/code\n{typed.argument}", self._view)
            code = partial(self._sure, as_code)
        self._prompt.ask(f"send {count} lines as one message?", partial(self._sure, typed), code)

    def _sure(self, typed: Typed) -> None:
        self._prompt.clear()
        self._carry(typed)

    def _same(self, typed: Typed) -> None:
        """Send it, as the user confirmed that the present owner of the nick is meant."""
        if typed.to:
            typed = replace(typed, to=self._view.renew(typed.to), doubt="")
        self._sure(typed)

    def _carry(self, typed: Typed) -> None:
        """Run a command here, or hand it to the sender if it asks the server."""
        private_one = typed.command.private or typed.text.startswith(" ")
        self._prompt.remember(typed.text, kept=not private_one)
        if typed.command.group == "talk":
            self._view.speak()
        if typed.command.secrets and not typed.secrets:
            self._ask_secret(typed)
            return
        if typed.command.asks:
            self._drafts.waiting.append(typed)
            self._todo.put(partial(self._ask, typed))
            return
        try:
            typed.command.run(self._talk, typed)
        except ChatError as error:
            self._talk.post(self._lines.error(str(error)))

    def _ask_secret(self, typed: Typed, *given: str) -> None:
        """Ask for the passwords that a command needs, one after the other, then run it."""
        who = typed.argument.removeprefix("@") or self._view.nick
        what = typed.command.secrets[len(given)]
        label = f"{what} of {who}" if "@ACCOUNT" in typed.command.arguments else what

        def take(secret: str) -> None:
            if len(given) + 1 < len(typed.command.secrets):
                self._ask_secret(typed, *given, secret)
            elif typed.command.twice and (problem := _no_password(secret)):
                self._talk.post(self._lines.error(problem))
                self._ask_secret(typed, *given)
            elif typed.command.twice:
                self._prompt.ask_hidden("again", lambda again: compare(secret, again))
            else:
                self._carry(typed.with_secrets(*given, secret))

        def compare(secret: str, again: str) -> None:
            if secret == again:
                self._carry(typed.with_secrets(*given, secret))
            else:
                self._talk.post(self._lines.error("these were not the same: nothing was done"))

        self._prompt.ask_hidden(one_line(label), take)

    def _interrupt(self, *_: object) -> None:
        """Handle SIGINT. A Ctrl-C in the pager is for the pager."""
        if not self._screen.paging:
            self.end()

    def _wake(self) -> None:
        """Go on after the program was stopped. Hold new messages until their number is known."""
        for name in self._view.hold():
            self._todo.put(partial(self._learn_missed, name))

    def _leave_if_over(self) -> None:
        if self._over.is_set():  # it was set just before the prompt began
            self._leave_prompt()

    def _leave_prompt(self, _: object = None) -> None:
        self._prompt.leave()

    def _fail(self, _: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        """End because a callback of the loop failed, and raise its error in the end."""
        self._mistake = self._mistake or context.get("exception")
        self._leave_prompt()

    # -- the sender -----------------------------------------------------------------------------

    def _send(self) -> None:
        for do in iter(self._todo.get, None):
            do()

    def _ask(self, typed: Typed) -> None:
        """Run a command that asks the server."""
        try:
            typed.command.run(self._talk, typed)
        except Closed:  # the reader has told the reason; `close` lists what was not sent
            return
        except ChatError as error:
            self._screen.post(partial(self._failed, typed, error))
        else:
            self._screen.post(partial(self._done, typed))

    def _done(self, typed: Typed) -> Iterator[str]:
        self._drafts.waiting.remove(typed)
        return iter(())

    def _failed(self, typed: Typed, error: ChatError) -> Iterator[str]:
        self._drafts.waiting.remove(typed)
        self._drafts.lost.append(typed.again)
        said = one_line(typed.again)
        reason = str(error).rstrip(" .")
        yield self._lines.error(f"{reason}. Alt-R brings it back: {said}")

    def _learn_names(self, room: str) -> None:
        """Ask who is in a room that was entered, and which rooms there are, for Tab."""
        chat = self._talk.chat
        joined = next((each for each in chat.joined if each.name == room), None)
        with suppress(ChatError):
            people = joined.people() if joined else {}
            rooms = {entry.room for entry in chat.rooms()}
            self._screen.post(partial(self._know, room, people, rooms))

    def _learn_missed(self, name: str) -> None:
        """Ask how many messages a room got while the program was stopped."""
        last = 0
        joined = next((each for each in self._talk.chat.joined if each.name == name), None)
        with suppress(ChatError):
            messages = joined.history(1) if joined else []
            last = messages[0].seq if messages else 0
        self._screen.post(partial(self._view.count_missed, name, last))

    def _know(self, name: str, people: dict[str, str], rooms: set[str]) -> Iterator[str]:
        self._view.listed = rooms
        room = self._view.rooms.get(name)
        if room:
            room.nicks |= set(people)
            self._view.know_roles(room, people)
        return iter(())

    def _tell_away(self, person: Person) -> None:
        why = self._view.away  # read once: the other thread may change it
        if why is not None:
            with suppress(ChatError):  # the person has left, or the server refuses
                self._talk.chat.tell(person.now, f"(away) {why}" if why else "(away)")


@contextmanager
def _shown_by(trace: Trace | None, show: Callable[[Traced], None]) -> Iterator[None]:
    """Let `show` show a trace while the block runs."""
    if trace is None:
        yield
        return
    before, trace.show = trace.show, show
    try:
        yield
    finally:
        trace.show = before


def _no_password(secret: str) -> str:
    """Return why the server would not take a new password, empty if it would."""
    try:
        normalize_password(secret)
    except ProtocolError as error:
        return error.text
    return ""


def _confess(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    """Tell the user of a bug in one sentence, and write the traceback to a file."""
    path = user_files.write_crash(kind, error, where)
    streams.tell(f"chat-client: a mistake of the program ({kind.__name__}): see {path}")
