"""The user's own files: who they are, what was typed, who is hidden, the sessions of clients that
run, what went wrong. Nobody else reads them.

All of it is a convenience: where the files cannot be written, the program does without.
"""

import contextlib
import hashlib
import json
import threading
import time
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from platformdirs import user_state_path

from chat_client.files.osdep import hold_private, open_private

_KEPT = 1000
"""Lines of what was typed."""

_CLIENTS = 50
"""Clients of one user at one server whose sessions are kept."""

_LONGEST = 10_000
"""Bytes of a kept session that are read."""


def folder() -> Path:
    """Return where the files are. It need not be there yet."""
    return user_state_path("backchannel", appauthor=False)


def read_typed() -> list[str]:
    """Return what was typed in earlier runs, oldest first."""
    path = folder() / "typed"
    entries = [entry for line in _lines_of(path) if (entry := _entry(line)) is not None]
    if len(entries) > 2 * _KEPT:
        entries = entries[-_KEPT:]
        _write(path, "".join(f"{json.dumps(entry)}\n" for entry in entries))
    return entries


def add_typed(text: str) -> None:
    """Keep a line for later runs."""
    _write(folder() / "typed", f"{json.dumps(text)}\n", append=True)


def read_ignored() -> set[str]:
    """Return who is hidden."""
    return set(_lines_of(folder() / "ignored"))


def write_ignored(nicks: Iterable[str]) -> None:
    """Keep who is hidden."""
    _write(folder() / "ignored", "".join(f"{nick}\n" for nick in sorted(nicks)))


def read_nick() -> str:
    """Return who the user said to be; empty if nobody asked."""
    return next(iter(_lines_of(folder() / "nick")), "")


def write_nick(nick: str) -> None:
    """Keep who the user said to be."""
    _write(folder() / "nick", f"{nick}\n")


class KeptSession:
    """The session of one client on one server, kept while the client runs. Who is killed finds it
    again; who leaves forgets it. A context manager.

    Each client that runs has a file of its own, which is locked, so that two terminals of one user
    do not take each other's session.

    Attributes:
        token: the secret of a session that a client lost; None if there is none.
        nick: who had it; empty if nobody had.
    """

    def __init__(self, opened: BinaryIO | None, token: str | None = None, nick: str = "") -> None:
        """See `open_session`."""
        self.token = token
        self.nick = nick
        self._lock = threading.Lock()  # guards _file and what is in it; a leaf
        self._file = opened

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            if self._file:
                self._file.close()
                self._file = None

    def keep(self, token: str, nick: str) -> None:
        """Keep a session in place of the one before. From any thread."""
        self._put(json.dumps({"session": token, "nick": nick}))

    def forget(self) -> None:
        """The session has ended in order."""
        self._put("")

    def _put(self, text: str) -> None:
        with self._lock, contextlib.suppress(OSError):
            if self._file:
                self._file.seek(0)
                self._file.truncate()
                self._file.write(text.encode())
                self._file.flush()


def open_session(server: str, nick: str | None) -> KeptSession:
    """Return where a client keeps its session; with one that another client lost, if there is.

    Args:
        server: which server.
        nick: who to be; None for whoever had the session.
    """
    name = hashlib.sha256(server.encode("utf-8", "replace")).hexdigest()[:16]
    places = [folder() / "sessions" / f"{name}.{number}" for number in range(_CLIENTS)]
    free: BinaryIO | None = None
    for place in places:
        if free and not place.exists():  # nor do those behind it
            break
        if not _fits(_session_in("\n".join(_lines_of(place))), nick):
            continue  # not even held for a moment: whom it fits may start just now
        opened = hold_private(place)
        if opened is None:  # another client's, which runs
            continue
        token, its_nick = _session_in(opened.read(_LONGEST))
        if token and _fits((token, its_nick), nick):
            if free:
                free.close()
            return KeptSession(opened, token, its_nick)
        if token or free:
            opened.close()
        else:
            free = opened
    return KeptSession(free)


def _fits(kept: tuple[str | None, str], nick: str | None) -> bool:
    """Whether a place is empty, or has the session of somebody with that nick, if that matters."""
    token, its_nick = kept
    return token is None or nick is None or nick.casefold() == its_nick.casefold()


def _session_in(text: str | bytes) -> tuple[str | None, str]:
    """The secret and the nick; None if there is none."""
    with contextlib.suppress(ValueError):
        found = json.loads(text)
        if isinstance(found, dict) and isinstance(found.get("session"), str):
            return found["session"], str(found.get("nick", ""))
    return None, ""


def write_crash(
    kind: type[BaseException], error: BaseException | None, where: TracebackType | None
) -> Path:
    """Keep what the program failed of, and return the file."""
    path = folder() / "crash.log"
    text = "".join(traceback.format_exception(kind, error, where))
    _write(path, f"{time.strftime('%Y-%m-%d %H:%M:%S')}\n{text}\n", append=True)
    return path


def _lines_of(path: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    return []


def _entry(line: str) -> str | None:
    with contextlib.suppress(ValueError):
        entry = json.loads(line)
        if isinstance(entry, str):
            return entry
    return None  # somebody else wrote it


def _write(path: Path, text: str, *, append: bool = False) -> None:
    with contextlib.suppress(OSError), open_private(path, append=append) as opened:
        opened.write(text.encode("utf-8", "replace"))
