"""What is on its way to the screen, and the one place that writes it, above the input line.

Any thread may post something. The loop's thread alone makes lines of it and writes them, a batch at
a time, so nothing is ever written into the input line, and what is shown has one order.

The queue is bounded, by the number of items and by what they weigh: a thread that posts too much
waits, down to the server, which catches us up later. A batch is bounded by the time that it takes,
so that the program reads the keyboard, whatever a server sends.
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
from chat_client.display.model import View
from chat_client.events import Event
from chat_client.files.osdep import rows
from protocol.messages import Direct, Message, Presence

_REDRAW = 0.05
"""Seconds between two writes above the input line: what comes meanwhile is written in one."""

_WAITING = 1000
"""Items that may be in the queue before a thread that posts another one waits."""

_WEIGHT = 500_000
"""Bytes that the strings of those items may take, roughly, before it waits."""

_STRING = 60
"""Bytes that a string takes besides its characters."""

_BATCH = 500
"""Items that are made lines of before the keyboard is read again."""

_BATCH_TIME = 0.05
"""Seconds after which it is read again in any case. Long texts take milliseconds each."""

_OWN_ROWS = 4
"""Rows that the input line, the status line and what was typed take of the screen."""

_KEEPS_KEYBOARD = ContextVar("_KEEPS_KEYBOARD", default=False)
"""Whether what is run in the terminal leaves the keyboard to the prompt."""

_LESS = "-R -Psq goes back to the chat, h helps"
"""What less is told besides what the user tells it: to show colours, and what as its prompt."""

_SHOW_COLOURS = ("less", "pager", "more", "most", "cat")
"""Pagers that show colours, rather than what stands for them."""

_KEYS_AT_THE_END = "#command\n/ back-search\n? forw-search\n"
"""Keys of less where one begins at the end: there is nothing to be found in the other direction."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Screen:
    """See the top of the module. Made by the loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._writer = threading.current_thread()
        self._filled = asyncio.Event()  # the loop's own
        # Guards all below. A leaf.
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)  # a thread with an item too many waits
        self._items: deque[tuple[Item, int]] = deque()  # each with its weight
        self._weight = 0  # of all
        self._over = False
        self.paging = False  # the loop's own

    def post(self, item: Item) -> None:
        """Have something shown, or done by the loop's thread, in order. From any thread.

        After `release` nobody waits: events that the queue has no place for are dropped.
        """
        weight = _weight_of(item)
        with self._changed:
            if threading.current_thread() is not self._writer:  # which must not wait for itself
                self._changed.wait_for(lambda: self._has_place or self._over)
            if self._over and isinstance(item, Event) and not self._has_place:
                return
            self._items.append((item, weight))
            self._weight += weight
        with suppress(RuntimeError):  # the loop is closed: the program is about to end
            self._loop.call_soon_threadsafe(self._filled.set)

    @property
    def _has_place(self) -> bool:
        """Whether another item may be posted."""
        assert self._lock.locked()
        return len(self._items) < _WAITING and self._weight < _WEIGHT

    async def write(self, session: "PromptSession[str]", view: View) -> None:
        """Show what there is to show, for as long as the loop runs."""
        _let_keyboard_be_kept(session)
        while True:
            await self._filled.wait()
            self._filled.clear()
            lines, pages = self._lines(view)
            if lines or view.ringing:
                kept = _KEEPS_KEYBOARD.set(True)
                written = run_in_terminal(partial(_write, session, lines, view.ringing))
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
        """Let nobody wait any more: the loop has ended."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def write_some(self, view: View) -> bool:
        """Write a batch, while no prompt runs; return whether there is more."""
        lines, pages = self._lines(view)
        lines += pages.lines if pages else []
        print("".join(f"{line}\n" for line in lines), end="", flush=True)
        return bool(self._items)

    def write_rest(self, view: View) -> None:
        """Write what there is, once nobody posts anything any more."""
        while self.write_some(view):
            pass

    def _lines(self, view: View) -> tuple[list[str], Pages | None]:
        """Take a batch, and return its lines; and what is for the pager, with which it ends."""
        lines: list[str] = []
        for item in self._batch():
            if isinstance(item, Pages):
                lines += view.settle()
                shown = "\n".join(item.lines).split("\n")
                if len(shown) > rows(sys.stdout) - _OWN_ROWS:
                    self._filled.set()  # there may be more behind it
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
    """Bytes that the strings of an item take, roughly; 0 for one that a server does not choose."""
    match item:
        case Message(text=text) | Direct(text=text):
            return _STRING + len(text)
        case Presence(joined=joined, left=left, renamed=renamed):
            return sum(_STRING + len(nick) for nick in chain(joined, left, *renamed))
        case _:
            return 0


def _let_keyboard_be_kept(session: "PromptSession[str]") -> None:
    """Let lines be written above the input line without a change to the keyboard's mode.

    Whatever is run in the terminal gets the terminal as other programs have it, which the pager
    and the editor need. For a few lines that is wrong: keys pressed in that moment are echoed
    into them, Ctrl-C is a signal that ends us, and Ctrl-U, Ctrl-R and others never come.
    """
    keyboard = session.app.input
    give_away = keyboard.cooked_mode
    keyboard.cooked_mode = (  # type: ignore[method-assign]
        lambda: nullcontext() if _KEEPS_KEYBOARD.get() else give_away()
    )


def _write(session: "PromptSession[str]", lines: list[str], bell: bool) -> None:
    output = session.app.output
    output.enable_autowrap()  # Windows forgets it
    output.write_raw("".join(f"{line}\n" for line in lines))
    if bell:
        output.bell()
    output.flush()


def _page(pages: Pages) -> None:
    """Let the user read in the system's pager, which PAGER names, until he has done."""
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
    """The environment in which less does what we want, besides what its user wants."""
    # Not by pydoc, which has an own idea of LESS from Python 3.13 on; nor by way of our own
    # environment, which other threads read.
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
    """Whether the user has told less which keys to take."""
    home = Path.home()
    files = (home / ".lesskey", home / ".config" / "lesskey")
    return "LESSKEYIN" in os.environ or any(file.exists() for file in files)


def _pager() -> str | None:
    """The command that pages, in the order in which pydoc looks; None where pydoc has to do it."""
    if os.name != "posix":
        return None
    own = os.environ.get("MANPAGER", "").strip() or os.environ.get("PAGER", "").strip()
    return own or shutil.which("pager") or shutil.which("less")
