"""The caretaker: a thread that backs up what is kept, and removes rooms, while all else goes on.

It does what an operator does, by the same commands. A copy must hold all that anybody had seen
before the command began, and nothing but the start of the log as it is in the end. A room that was
removed has nothing in it any more, and a request that was stored in it is not stored again. The
server may be killed at any moment of it; then the caretaker comes back and looks.
"""

import os
import random
import shutil
import subprocess
import sys
import threading
from array import array
from pathlib import Path

from tests.support.peer import ConnectionEnded, CutShort, Frame, Peer
from tests.support.servers import ROOT
from tests.torture.journal import Journal
from tests.torture.records import Backup, Entry
from tests.torture.server import Server
from tests.torture.stored import Database
from tests.torture.tally import Tally

PAUSE = (1.0, 4.0)
"""Seconds between two of its acts."""

SAID = 5
"""How much is said in a room that is removed."""

TRIES = 30
"""So often it comes back to look at a room, as the server is killed now and then."""

COMMAND_PATIENCE = 60.0


class Caretaker:
    """Its thread, and what it found.

    Attributes:
        backups: the copies.
        mishaps: what went wrong, a sentence each.
    """

    def __init__(
        self, server: Server, folder: Path, journal: Journal, tally: Tally, source: random.Random
    ) -> None:
        self.backups: list[Backup] = []
        self.mishaps: list[str] = []
        self._server = server
        self._copy = folder / "copy"
        self._journal = journal
        self._tally = tally
        self._source = source
        self._stopping = threading.Event()
        self._rooms = 0
        self._thread = threading.Thread(target=self._run, name="caretaker")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after what is under way."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._source.uniform(*PAUSE)):
            if self._source.random() < 0.5:
                self._back_up()
            else:
                self._remove_a_room()

    # -- copies

    def _back_up(self) -> None:
        ends = self._journal.ends()
        done = self._command("backup", str(self._copy))
        if done.returncode != 0:
            self.mishaps.append(f"a backup ended with {done.returncode}: {done.stderr.strip()}")
            return
        database = Database(self._copy)
        self.mishaps += [f"a backup: {fault}" for fault in database.faults()]
        kept, _ = database.read(self._journal)
        rows = {
            room: array("q", (mark(row.entry, row.request) for row in log))
            for room, log in kept.items()
        }
        firsts = {room: log[0].entry.seq for room, log in kept.items() if log}
        shutil.rmtree(self._copy)
        self.backups.append(Backup(ends, rows, firsts))
        self._tally.add("backups")

    # -- rooms

    def _remove_a_room(self) -> None:
        self._rooms += 1
        room, nick = f"removed-{self._rooms}", f"caretaker-{self._rooms}"
        try:
            with Peer.connect(self._server.address) as peer:
                peer.hello(nick)
                session = peer.session
                peer.join(room)
                frames: list[Frame] = [
                    {"type": "say", "id": peer.next_id(), "room": room, "text": f"{nick}: {number}"}
                    for number in range(SAID)
                ]
                for frame in frames:
                    peer.send(frame)
                answers = [peer.reply(frame["id"]) for frame in frames]
                peer.request("leave", room=room)
            if any(answer["type"] != "ok" for answer in answers):
                return  # it was to be sent again later
        except (OSError, ConnectionEnded, CutShort, AssertionError, TimeoutError):
            return  # the server was killed
        for _ in range(TRIES):  # it takes a server that runs
            if self._command("remove-room", room).returncode == 0:
                self._look_at(room, nick, session, frames)
                return
            if self._stopping.wait(0.5):
                return

    def _look_at(self, room: str, nick: str, session: str, frames: list[Frame]) -> None:
        """See that a room is gone, as soon as the server runs."""
        for attempt in range(TRIES):
            try:
                with Peer.connect(self._server.address) as peer:
                    peer.hello(f"{nick}-{attempt}", session=session)
                    faults = _faults_of(peer, room, frames)
            except (OSError, ConnectionEnded, CutShort, AssertionError, TimeoutError):
                self._stopping.wait(0.5)
                continue
            self.mishaps += [f"{room}, which was removed: {fault}" for fault in faults]
            self._tally.add("removals")
            return

    def _command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the operator's."""
        name, *rest = words
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "chat_server",
                "admin",
                name,
                "--data",
                self._server.data,
                *rest,
            ],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=COMMAND_PATIENCE,
            check=False,
        )


def mark(entry: Entry, request: int) -> int:
    """Return what stands for a row of the log: of what does not change when it is edited."""
    return hash((entry.seq, entry.time, entry.from_, request))


def _faults_of(peer: Peer, room: str, frames: list[Frame]) -> list[str]:
    """Look at a room that was removed, with the session of who said something in it."""
    faults = []
    joined = peer.join(room)
    if joined["seq"] != SAID:
        faults.append(f"it ended at {SAID}, and now ends at {joined['seq']}")
    page = peer.page("history", room=room, limit=100)
    if page["messages"]:
        faults.append(f"its history has {len(page['messages'])} messages")
    for frame in frames:
        peer.send(frame)
        answer = peer.reply(frame["id"])
        if answer["type"] != "ok" or not answer.get("gone"):
            faults.append(f"request {frame['id']}, sent again, is answered {answer}")
    return faults
