"""What each thread does at this moment, read from its stack.

A thread that waits has given the interpreter away inside a call: the instruction at which its stack
stands is that call, and the source has its text. So `with self._lock:` in a method of `Outbox` is a
thread that waits for `Outbox._lock`. Whoever looks has the interpreter meanwhile; no other thread
moves.

Where the interpreter has no GIL the others go on while one looks, and reading a frame that runs
can crash the process (docs.python.org, "Python support for free threading"). There nothing is read,
and the state of each thread is UNSEEN.
"""

import ast
import dis
import linecache
import os
import re
import sys
import textwrap
import threading
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

RUN, LOCK, WAIT, RECV, UNSEEN = "run", "lock", "wait", "recv", "unseen"

_ROOT = Path(__file__).parents[3]

_OURS = tuple(str(_ROOT / package) + os.sep for package in ("chat_server", "protocol"))
"""Where the source files are whose functions are named."""

_DEEPEST = 30
"""Frames that are looked at, from the innermost on, for one of ours."""

_LONGEST = 60
"""Characters of a call that are shown."""

_CALLS = tuple(
    (state, re.compile(pattern))
    for state, pattern in (
        (RECV, r"\.recv\("),
        ("accept", r"\.accept\("),
        ("select", r"\bselect\("),
        ("send", r"\.(send|sendall|sendto|sendmsg)\("),
        ("sqlite", r"\.(execute|executemany|executescript|commit|backup)\(|sqlite3\.connect\("),
        (LOCK, r"\.acquire\("),
        (WAIT, r"\.(wait|wait_for)\(|\.get\(\)|(?<![\"'])\.join\("),
    )
)
"""What a call is that gives the interpreter away, by its text. The first that fits counts."""


class Doing(NamedTuple):
    """What a thread does: see `protocol.messages.LiveThread`."""

    state: str
    what: str
    where: str


NOT_SEEN = Doing(UNSEEN, "", "")
_ELSEWHERE = Doing(RUN, "", "")


def can_look() -> bool:
    """Return whether the interpreter lets one thread read the stacks of others."""
    enabled = getattr(sys, "_is_gil_enabled", None)
    return enabled is None or bool(enabled())


class ThreadStates:
    """Reads stacks, and remembers what it made of each place in the source.

    One thread at a time uses it.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[CodeType, CodeType | None, int], Doing] = {}

    def all(self) -> Mapping[int, Doing]:
        """Return what each thread does, by its identifier, but for the one that asks.

        Empty where nobody may look.
        """
        if not can_look():
            return {}
        frames = sys._current_frames()
        del frames[threading.get_ident()]
        return {identifier: self._doing(frame) for identifier, frame in frames.items()}

    def _doing(self, frame: FrameType) -> Doing:
        inner: CodeType | None = frame.f_code
        code, at = frame.f_code, frame.f_lasti
        known = self._known.get((code, None, at))
        if known is not None:
            return known
        ours = _innermost_of_ours(frame)
        if ours is None:
            return _ELSEWHERE
        if ours is frame:
            inner = None
        else:
            code, at = ours.f_code, ours.f_lasti
        known = self._known.get((code, inner, at))
        if known is None:
            known = self._known[code, inner, at] = describe(code, at, inner)
        return known


def describe(code: CodeType, at: int, inner: CodeType | None = None) -> Doing:
    """Return what a thread does that stands in one of our functions.

    Args:
        code: of the function.
        at: the offset of the instruction.
        inner: the function that it has called, where that is the standard library's.
    """
    line, text = _source(code, at)
    file = Path(code.co_filename)
    path = file.relative_to(_ROOT).as_posix() if file.is_relative_to(_ROOT) else file.name
    where = f"{path}:{line}"
    if inner is not None and Path(inner.co_filename).parent.name == "logging":
        return Doing(LOCK if inner.co_name in ("acquire", "handle") else RUN, "the log", where)
    if entered := _entered(code, at, text):
        return Doing(LOCK, _named(entered, code), where)
    for state, pattern in _CALLS:
        if pattern.search(text):
            what = _named(text, code) if state in (LOCK, WAIT) else _short(text)
            return Doing(state, what, where)
    return Doing(RUN, code.co_qualname, where)


def _innermost_of_ours(frame: FrameType) -> FrameType | None:
    each: FrameType | None = frame
    for _ in range(_DEEPEST):
        if each is None or each.f_code.co_filename.startswith(_OURS):
            return each
        each = each.f_back
    return None


def _source(code: CodeType, at: int) -> tuple[int, str]:
    """The line of an instruction, and the text that it was made of: one call, or one name."""
    first, last, begin, end = next(islice(code.co_positions(), at // 2, None))
    if first is None or last is None or begin is None or end is None:
        return first or code.co_firstlineno, ""  # python -X no_debug_ranges
    lines = [linecache.getline(code.co_filename, number) for number in range(first, last + 1)]
    # The columns count bytes.
    raw = [line.encode() for line in lines]
    raw[-1] = raw[-1][:end]
    raw[0] = raw[0][begin:]
    text = b"".join(raw).decode("utf-8", "replace")
    return first, text


def _entered(code: CodeType, at: int, text: str) -> str:
    """What a `with` enters whose instruction this is; empty if it is another."""
    name = dis.opname[code.co_code[at]]
    if not text.startswith("with "):
        return text if name in ("BEFORE_WITH", "CALL") and "(" not in text else ""
    if name != "BEFORE_WITH":
        return ""
    # Up to CPython 3.11 the text is that of the whole statement, which may enter several.
    places = list(code.co_positions())
    count = sum(
        each.opname == name and places[each.offset // 2] == places[at // 2]
        for each in dis.get_instructions(code)
        if each.offset < at
    )
    indent = " " * (places[at // 2][2] or 0)
    statement = ast.parse(textwrap.dedent(indent + text)).body[0]
    assert isinstance(statement, ast.With)
    # What stands in a `finally` is compiled more than once.
    entered = ast.unparse(statement.items[count % len(statement.items)].context_expr)
    return "" if "(" in entered else entered


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"


def _named(text: str, code: CodeType) -> str:
    """What docs/architecture.md calls a lock: `self._lock` in a method of Room is Room._lock."""
    name = re.match(r"[\w.]*\w", text.removesuffix("()"))
    parts = re.sub(r"\.(wait|wait_for|get|join|acquire)$", "", name[0]).split(".") if name else []
    if not parts:
        return text
    if len(parts) == 1:
        return f"{Path(code.co_filename).stem}.{parts[0]}"
    owner = parts[-2].lstrip("_")
    if owner == "self":
        owner = code.co_qualname.split(".")[0]
    return f"{owner[:1].upper()}{owner[1:]}.{parts[-1]}"
