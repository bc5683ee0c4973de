"""The queue of what is to be shown, and the one place that writes it, above the input line.

Any thread may post an item. Only the loop's thread turns items into lines and writes them, a batch
at a time. So nothing is written into the input line, and all lines have one order.

The queue is bounded by the number of items and by their weight. A thread that posts too much waits.
The session's reader then reads no more from the server, which sends the rest later. A batch is
bounded in time, so that the program reads the keyboard whatever a server sends.
"""

import asyncio
import os
import pydoc
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from functools import partial
from itertools import chain
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal

from chat_client.commands.command import Item, Pages
from chat_client.display.state.model import View
from chat_client.events import Event
from chat_client.files.osdep import rows
from protocol.messages import Direct, Message, Presence

_REDRAW = 0.05
"""Seconds between two writes above the input line. Each write has all that came meanwhile."""

_WAITING = 1000
"""Items in the queue from which on a thread that posts another one waits."""

_WEIGHT = 500_000
"""The same in bytes that the strings of the items take, roughly."""

_STRING = 60
"""Bytes that a string takes in addition to its characters."""

_BATCH = 500
"""Items that are turned into lines before the keyboard is read again."""

_BATCH_TIME = 0.05
"""Seconds after which the keyboard is read in any case. A long text takes milliseconds."""

_REST = 1.0
"""Seconds for which what others said is still written when the user has left: a server may have
sent a queue full of lines that take longer.
"""

_OWN_ROWS = 4
"""Rows of the screen that the input line, the status line and the typed command take."""

_KEEPS_KEYBOARD = ContextVar("_KEEPS_KEYBOARD", default=False)
"""Whether what runs in the terminal leaves the keyboard to the prompt."""

_LESS = "-R -Psq goes back to the chat, h helps"
"""Options for less, added to the user's own: show colours, and use this prompt."""

_SHOW_COLOURS = ("less", "pager", "more", "most", "cat")
"""Pagers that show colours rather than escape sequences."""

_KEYS_AT_THE_END = "#command\n/ back-search\n? forw-search\n"
"""Keys of less where it begins at the end: `/` searches backwards, because nothing follows."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Screen:
    """See the top of the module. Made by the loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._writer = threading.current_thread()
        self._filled = asyncio.Event()  # the loop's own
        self._unwritten: list[str] = []  # lines on their way to the screen; the loop's own
        # Guards all below. A leaf.
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)  # for a thread that waits for space
        self._items: deque[tuple[Item, int]] = deque()  # each with its weight
        self._weight = 0  # of all
        self._over = False
        self.paging = False  # the loop's own

    def post(self, item: Item) -> None:
        """Let the loop's thread show something or run it, in order. From any thread.

        After `release` nobody waits: a full queue drops events.
        """
        weight = _weight_of(item)
        with self._changed:
            if threading.current_thread() is not self._writer:  # it must not wait for itself
                self._changed.wait_for(lambda: self._has_place or self._over)
            if self._over and isinstance(item, Event) and not self._has_place:
                return
            self._items.append((item, weight))
            self._weight += weight
        with suppress(RuntimeError):  # the loop is closed: the program ends
            self._loop.call_soon_threadsafe(self._filled.set)

    @property
    def _has_place(self) -> bool:
        """Whether the queue takes another item."""
        assert self._lock.locked()
        return len(self._items) < _WAITING and self._weight < _WEIGHT

    async def write(self, session: "PromptSession[str]", view: View) -> None:
        """Show items as they come, as long as the loop runs."""
        _let_keyboard_be_kept(session)
        while True:
            await self._filled.wait()
            self._filled.clear()
            lines, pages = self._lines(view)
            if lines or view.ringing:
                self._unwritten = lines
                kept = _KEEPS_KEYBOARD.set(True)
                written = run_in_terminal(partial(self._write, session, view.ringing))
                _KEEPS_KEYBOARD.reset(kept)
                await written
                view.ringing = False
            if pages:
                self.paging = True
                await run_in_terminal(partial(_page, pages), in_executor=True)
                self.paging = False
            session.app.invalidate()
            await asyncio.sleep(_REDRAW)

    def release(self) -> None:
        """Wake all threads that wait, because the loop has ended."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def write_some(self, view: View) -> bool:
        """Write a batch while no prompt runs. Return whether there is more."""
        before, self._unwritten = self._unwritten, []  # the prompt ended ahead of them
        lines, pages = self._lines(view)
        lines = [*before, *lines, *(pages.lines if pages else [])]
        print("".join(f"{line}\n" for line in lines), end="", flush=True)
        return bool(self._items)

    def write_rest(self, view: View) -> None:
        """Write what is left, once nobody posts any more: after a while only what is our own."""
        deadline = time.monotonic() + _REST
        while self.write_some(view):
            if time.monotonic() >= deadline:
                self._drop_what_others_said()

    def _drop_what_others_said(self) -> None:
        with self._lock:
            self._items = deque(each for each in self._items if not each[1])
            self._weight = 0

    def _write(self, session: "PromptSession[str]", bell: bool) -> None:
        lines, self._unwritten = self._unwritten, []
        output = session.app.output
        output.enable_autowrap()  # Windows loses this setting
        output.write_raw("".join(f"{line}\n" for line in lines))
        if bell:
            output.bell()
        output.flush()

    def _lines(self, view: View) -> tuple[list[str], Pages | None]:
        """Take a batch and return its lines. An item for the pager ends it and is returned."""
        lines: list[str] = []
        for item in self._batch():
            if isinstance(item, Pages):
                lines += view.settle()
                shown = "\n".join(item.lines).split("\n")
                if len(shown) > rows(sys.stdout) - _OWN_ROWS:
                    self._filled.set()  # more items may follow
                    first = sum(line.count("\n") + 1 for line in item.lines[: item.first])
                    return lines, Pages(shown, item.from_end, first)
                lines += shown
            elif isinstance(item, str):
                lines += [*view.settle(), item]
            elif isinstance(item, Event):
                lines += view.take(item)
            else:
                lines += [*view.settle(), *item()]
        lines += view.settle()
        return lines, None

    def _batch(self) -> Iterator[Item]:
        began = time.monotonic()
        for _ in range(_BATCH):
            with self._changed:
                if not self._items:
                    return
                item, weight = self._items.popleft()
                self._weight -= weight
                self._changed.notify_all()
            yield item
            if time.monotonic() - began > _BATCH_TIME:
                break
        self._filled.set()


def _weight_of(item: Item) -> int:
    """Return roughly the bytes of an item's strings; 0 if no server chooses them."""
    match item:
        case Message(text=text) | Direct(text=text):
            return _STRING + len(text)
        case Presence(joined=joined, left=left, renamed=renamed):
            return sum(_STRING + len(nick) for nick in chain(joined, left, *renamed))
        case _:
            return 0


def _let_keyboard_be_kept(session: "PromptSession[str]") -> None:
    """Let the client write lines above the input line without changing the keyboard's mode.

    prompt_toolkit gives the terminal in its usual mode to whatever runs in it, as the pager and
    the editor need it. For a few lines that is wrong: the terminal would echo keys into them,
    Ctrl-C would be a signal that ends the client, and Ctrl-U, Ctrl-R and others would be lost.
    """
    keyboard = session.app.input
    give_away = keyboard.cooked_mode
    keyboard.cooked_mode = (  # type: ignore[method-assign]
        lambda: nullcontext() if _KEEPS_KEYBOARD.get() else give_away()
    )


def _page(pages: Pages) -> None:
    """Show lines in the pager that PAGER names, until the user ends it."""
    sys.stdout.flush()
    text = "\n".join(pages.lines) + "\n"
    command = _pager()
    if command is None or Path(command.split()[0]).name not in _SHOW_COLOURS:
        text = _COLOUR.sub("", text)
    if command is None:
        pydoc.pager(text)
        return
    with (
        _less_told(pages) as environment,
        subprocess.Popen(
            command, shell=True, stdin=subprocess.PIPE, errors="backslashreplace", env=environment
        ) as pager,
    ):
        pager.communicate(text)


@contextmanager
def _less_told(pages: Pages) -> Iterator[dict[str, str]]:
    """Yield an environment with our options for less, added to the user's."""
    # pydoc sets LESS by itself from Python 3.13 on, so it is not used here. Other threads read our
    # own environment, so that is not changed either.
    begin = "+G" if pages.from_end else f"+{pages.first + 1}g" if pages.first else ""
    less = f"{os.environ.get('LESS', '')} {_LESS}${begin}".lstrip()
    environment = {**os.environ, "LESS": less}
    if not pages.from_end or _has_own_keys():
        yield environment
        return
    with tempfile.NamedTemporaryFile("w", suffix=".lesskey") as keys:
        keys.write(_KEYS_AT_THE_END)
        keys.flush()
        yield {**environment, "LESSKEYIN": keys.name}


def _has_own_keys() -> bool:
    """Return whether the user has set keys of less."""
    home = Path.home()
    files = (home / ".lesskey", home / ".config" / "lesskey")
    return "LESSKEYIN" in os.environ or any(file.exists() for file in files)


def _pager() -> str | None:
    """Return the pager's command, found as pydoc finds it; None where pydoc has to page."""
    if os.name != "posix":
        return None
    own = os.environ.get("MANPAGER", "").strip() or os.environ.get("PAGER", "").strip()
    return own or shutil.which("pager") or shutil.which("less")
