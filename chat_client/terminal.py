"""The client on a terminal: an input line at the bottom, the chat above it.

Three threads: main has the event loop, and with it the screen and the keyboard; the session's
reader shows what happens; the sender does what was typed, one line after the other, and waits
for the server so that nobody else has to. Whatever thread a line comes from, it is the loop that
writes it, so nothing is ever written into the input line.
"""

import asyncio
import os
import signal
import threading
from contextlib import suppress
from functools import partial
from queue import SimpleQueue

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal

from chat_client.address import Address
from chat_client.chat import Chat, connect
from chat_client.commands import Command, Conversation, parse
from chat_client.errors import ChatError, Closed, CommandError
from chat_client.events import Ended, Event
from chat_client.lines import Lines

DONE, ENDED_BY_SERVER = 0, 1
"""Exit codes."""

_REDRAW = 0.05
"""Seconds between two writes above the input line: what comes meanwhile is written in one."""

_WAITING = 1000
"""Lines that may wait to be written before whoever has another one waits, too."""

_FLUSH = 2.0
"""Seconds that the lines typed last may take to be said when the user leaves."""


def run(address: Address, nick: str | None, room: str) -> int:
    """Chat until the user leaves or the server ends it; return the exit code.

    Raises:
        ChatError: the first connection could not be made, or the room not be entered.
    """
    with asyncio.Runner() as runner:
        terminal = _Terminal(runner.get_loop())
        with connect(address, nick=nick, on_event=terminal.hear) as chat:
            terminal.open(chat, room)
            try:
                runner.run(terminal.converse())
            finally:
                terminal.finish()
        return terminal.close()


class _Screen:
    """Lines on their way to the screen, and the one place that writes them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._writer = threading.current_thread()
        self._filled = asyncio.Event()  # the loop's own
        # Guards all below; who has a line too many waits on it. A leaf.
        self._changed = threading.Condition()
        self._lines: list[str] = []
        self._bounded = True

    def show(self, line: str) -> None:
        """Have a line written above the input line. From any thread."""
        with self._changed:
            if threading.current_thread() is not self._writer:  # which must not wait for itself
                self._changed.wait_for(lambda: len(self._lines) < _WAITING or not self._bounded)
            self._lines.append(line)
        with suppress(RuntimeError):  # the loop is closed: the program is about to end
            self._loop.call_soon_threadsafe(self._filled.set)

    async def write(self, session: "PromptSession[str]") -> None:
        """Write what there is to write, for as long as the loop runs."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            text = self._take()
            await run_in_terminal(partial(_write, session, text))
            await asyncio.sleep(_REDRAW)

    def release(self) -> None:
        """Let nobody wait any more: the loop has ended."""
        with self._changed:
            self._bounded = False
            self._changed.notify_all()

    def close(self) -> None:
        """Write what is left."""
        print(self._take(), end="", flush=True)

    def _take(self) -> str:
        with self._changed:
            lines, self._lines = self._lines, []
            self._changed.notify_all()
        return "".join(f"{line}\n" for line in lines)


class _Terminal:
    """The parts of the program on a terminal. Made, opened and closed by the main thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lines = Lines("NO_COLOR" not in os.environ)
        self._screen = _Screen(loop)
        self._session: PromptSession[str] = PromptSession(erase_when_done=True)
        self._conversation: Conversation | None = None
        self._over = threading.Event()
        self._todo: SimpleQueue[tuple[Command, str] | None] = SimpleQueue()
        self._sender = threading.Thread(target=self._send, name="chat-client sender")
        self._unsent = 0  # the sender's own, until it has ended
        self._ended_by_server = False  # the reader's own, until the chat is closed

    # -- from any thread ------------------------------------------------------------------------

    def show(self, line: str) -> None:
        """Show a line."""
        self._screen.show(line)

    def end(self) -> None:
        """End the program soon."""
        self._over.set()
        with suppress(RuntimeError):  # the loop is closed: the end has come already
            self._loop.call_soon_threadsafe(self._leave_prompt)

    def hear(self, event: Event) -> None:
        """Show an event. On the session's reader."""
        conversation = self._conversation
        nick = conversation.chat.nick if conversation else ""
        line = self._lines.of(event, nick, conversation.focus if conversation else None)
        if line is not None:
            self.show(line)
        if isinstance(event, Ended):
            self._ended_by_server = event.reason is not None
            self.end()

    # -- main -----------------------------------------------------------------------------------

    def open(self, chat: Chat, room: str) -> None:
        """Begin the conversation in a room, and start the sender.

        Raises:
            ChatError: the room cannot be entered.
        """
        self._conversation = Conversation(chat, self._lines, self.show, self.end)
        self._conversation.enter(room)
        self._sender.start()

    async def converse(self) -> None:
        """Read what is typed until the user leaves or the chat is over."""
        signal.signal(signal.SIGTERM, lambda *_: self.end())  # leaves the terminal as it was
        writer = asyncio.create_task(self._screen.write(self._session))
        try:
            while not self._over.is_set():
                line = await self._read()
                if line is None:
                    return
                self._accept(line)
        finally:
            writer.cancel()

    def finish(self) -> None:
        """Give what was typed last the time to be said."""
        self._screen.release()
        self._todo.put(None)
        if self._talk().chat.connected:
            self._sender.join(_FLUSH)

    def close(self) -> int:
        """Write what is left to be written, once the chat is closed; return the exit code."""
        self._sender.join()
        if self._unsent:
            lines = "line was" if self._unsent == 1 else "lines were"
            self.show(self._lines.error(f"{self._unsent} {lines} not sent"))
        self._screen.close()
        return ENDED_BY_SERVER if self._ended_by_server else DONE

    async def _read(self) -> str | None:
        """What was typed; empty where Ctrl-C gave it up; None to leave."""
        try:
            return await self._session.prompt_async(self._prompt, pre_run=self._leave_if_over)
        except EOFError:
            return None
        except KeyboardInterrupt:
            return "" if self._session.default_buffer.text else None

    def _prompt(self) -> str:
        talk = self._talk()
        where = talk.room.name if talk.room else "no room"
        return f"[{where}] " if talk.chat.connected else f"[{where}, not connected] "

    def _accept(self, line: str) -> None:
        """Do what was typed, or have it done by the sender where the server has to be asked."""
        if not line or line.isspace():
            return
        try:
            command, argument = parse(line)
        except CommandError as error:
            self.show(self._lines.error(str(error)))
            return
        if command.immediate:
            self._carry_out(command, argument)
            return
        if not self._talk().chat.connected:
            self.show(self._lines.system(f"waits until we are connected: {line}"))
        self._todo.put((command, argument))

    def _leave_if_over(self) -> None:
        if self._over.is_set():  # since we looked before the prompt
            self._leave_prompt()

    def _leave_prompt(self) -> None:
        app = self._session.app
        if app.is_running and not app.is_done:
            app.exit(exception=EOFError)

    # -- the sender -----------------------------------------------------------------------------

    def _send(self) -> None:
        for command, argument in iter(self._todo.get, None):
            self._carry_out(command, argument)

    def _carry_out(self, command: Command, argument: str) -> None:
        try:
            command.run(self._talk(), argument)
        except Closed:  # the reader has said why
            self._unsent += 1
        except ChatError as error:
            self.show(self._lines.error(str(error)))

    def _talk(self) -> Conversation:
        assert self._conversation is not None  # `open` was called
        return self._conversation


def _write(session: "PromptSession[str]", text: str) -> None:
    output = session.app.output
    output.enable_autowrap()  # Windows forgets it
    output.write_raw(text)
    output.flush()
