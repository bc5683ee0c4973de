"""The server, which kills itself at one of the writes that a test names.

    python -m tests.support.dying_server ORDER PYTHON -m chat_server ARGUMENTS

It is the real program. While the file ORDER is there, the commits to the databases of messages
and of people are counted; ORDER says at which of them the process ends by SIGKILL, and whether just
before it or just behind it: `3 before`.
"""

import os
import runpy
import signal
import sys
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from chat_server.identity.store import people_store
from chat_server.storage.database import Transactions
from chat_server.storage.shared_commit import SharedCommits
from chat_server.storage.sqlite import log_file

_COUNTED = (people_store.FILE, log_file.FILE)


def main() -> None:
    """Run the server."""
    order, _, _, module, *arguments = sys.argv[1:]
    _die_at(Path(order))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _read(order: Path) -> list[str] | None:
    """The order, while there is one."""
    try:
        return order.read_text().split()
    except FileNotFoundError:
        return None


def _die_at(order: Path) -> None:
    numbers, lock = count(1), threading.Lock()

    def counted(name: str, commit: Callable[[], None]) -> None:
        ordered = _read(order) if name in _COUNTED else None
        if ordered is None:
            commit()
            return
        at, moment = ordered
        with lock:
            number = next(numbers)
        if number == int(at) and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        commit()
        if number == int(at):
            os.kill(os.getpid(), signal.SIGKILL)

    leave, commit = Transactions.__exit__, SharedCommits._commit

    def leave_counted(self: Transactions, kind: Any, error: Any, trace: Any) -> None:
        name = self._path.name if error is None else ""
        counted(name, lambda: leave(self, kind, error, trace))

    def commit_counted(self: SharedCommits, group: Any) -> None:
        counted(self._path.name, lambda: commit(self, group))

    Transactions.__exit__ = leave_counted  # type: ignore[method-assign]
    SharedCommits._commit = commit_counted  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
