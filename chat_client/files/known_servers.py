"""The servers whose certificates were trusted when they were first seen, in a file like ssh's.

A line holds HOST:PORT, the SHA-256 of the certificate, and the day. People may edit it. It is
replaced as a whole, with another file as a lock, so that it is never half written, and two clients
at once lose nothing of each other's.
"""

import datetime
import re
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from chat_client.files.osdep import locked
from protocol.common.private_files import write_private

_LINE = re.compile(r"(\S+)\s+sha256:([0-9a-f]{64})(?:\s.*)?")

_HEAD = """\
# Servers that chat-client trusts, and the SHA-256 of the certificate that each must show.
# Remove a server's line to trust the certificate that it shows next.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a server.

    Attributes:
        fingerprint: of its certificate, 64 hexadecimal digits.
        line: the number of its line, from 1.
    """

    fingerprint: str
    line: int


def known_servers_file() -> Path:
    """Return where the file is: ~/.local/share/backchannel/known_servers on Linux."""
    return user_data_path("backchannel", appauthor=False) / "known_servers"


@dataclass(frozen=True, slots=True)
class KnownServers:
    """The file. Any thread and any process may use it.

    Attributes:
        path: where it is.
    """

    path: Path

    def find(self, server: str) -> Entry | None:
        """Return what is known of a server, HOST:PORT; None if nothing is.

        Raises:
            OSError: the file cannot be read.
        """
        return _find(self._lines(), server)

    def add(self, server: str, fingerprint: str) -> Entry | None:
        """Return what is known of a server; if nothing is, add it and return None.

        Raises:
            OSError: the file cannot be read, or not be written.
        """
        entry = self.find(server)
        if entry is not None:
            return entry
        with locked(self._lock_file()):
            lines = self._lines()
            entry = _find(lines, server)  # another client may have been here
            if entry is None:
                self._write([*lines, _line(server, fingerprint)])
            return entry

    def put(self, server: str, fingerprint: str) -> None:
        """Let a server have this fingerprint, whatever was known of it before.

        Raises:
            OSError: the file cannot be read, or not be written.
        """
        entry = self.find(server)
        if entry is not None and entry.fingerprint == fingerprint:
            return
        with locked(self._lock_file()):
            lines = [line for line in self._lines() if _find([line], server) is None]
            self._write([*lines, _line(server, fingerprint)])

    def _lock_file(self) -> Path:
        return self.path.with_name(f"{self.path.name}.lock")

    def _lines(self) -> list[str]:
        try:
            return self.path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
        except FileNotFoundError:
            return _HEAD.splitlines()

    def _write(self, lines: list[str]) -> None:
        """With the lock held."""
        write_private(self.path, "".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))


def _find(lines: list[str], server: str) -> Entry | None:
    for number, line in enumerate(lines, 1):
        found = _LINE.fullmatch(line.strip())
        if found and found[1] == server:
            return Entry(found[2], number)
    return None


def _line(server: str, fingerprint: str) -> str:
    return f"{server} sha256:{fingerprint} {datetime.date.today()}"
