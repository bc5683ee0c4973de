"""Data folders with something in them, and the command that looks at them."""

import json
import secrets
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from chat_server.admin import command_line
from chat_server.storage.interface import RequestKey
from chat_server.storage.sqlite.log import SqliteLog
from tests.chat_server.moderation.order_house import ordered_house
from tests.chat_server.storage.logs import append, entry

START = 1_795_168_800.0  # 2026-11-20 10:00 UTC


class Outcome(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """What it wrote to stdout, line by line."""
        return self.out.splitlines()

    @property
    def records(self) -> list[dict[str, Any]]:
        """The JSON objects that it wrote, one a line."""
        return [json.loads(line) for line in self.lines]


class Operator:
    """Types commands, in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], data: Path) -> None:
        self._capsys = capsys
        self.data = data

    def types(self, *arguments: str | Path) -> Outcome:
        """Run `chat-server admin ARGUMENTS --data DATA`."""
        self._capsys.readouterr()
        try:
            code = command_line.main([*map(str, arguments), "--data", str(self.data)])
        except SystemExit as end:  # argparse's
            code = int(end.code or 0)
        return Outcome(code, *self._capsys.readouterr())

    def done(self, *arguments: str | Path) -> Outcome:
        """Run a command that must succeed."""
        outcome = self.types(*arguments)
        assert outcome.code == 0, outcome
        return outcome

    def refused(self, *arguments: str | Path) -> str:
        """Run a command that must fail with one sentence, and return that."""
        outcome = self.types(*arguments)
        assert (outcome.code, outcome.out) == (1, ""), outcome
        (sentence,) = outcome.err.splitlines()
        assert sentence.startswith("chat-server admin: ")
        assert sentence.endswith(".")
        return sentence


def keep(data: Path, room: str, said: Sequence[tuple[float, str, str, str]]) -> None:
    """Keep messages, each with its time, nick, kind and text, as a server does."""
    data.mkdir(exist_ok=True)
    store = SqliteLog(data)
    session = store.sessions.keep([secrets.token_bytes(32)], [], START)[0]
    entries = [
        entry(
            text, room=room, request=RequestKey(session, number), time=time, from_=nick, kind=kind
        )
        for number, (time, nick, kind, text) in enumerate(said, 1)
    ]
    for start in range(0, len(entries), 5000):
        append(store, *entries[start : start + 5000])
    store.close()


def tamper(data: Path, statement: str, *parameters: object) -> None:
    """Change the history behind the server's back."""
    connection = sqlite3.connect(data / "history.db")
    with connection:
        connection.execute(statement, parameters)
    connection.close()


def changed_room(data: Path) -> None:
    """A room in which somebody said something, edited it, and had it deleted by a moderator."""
    with ordered_house(data) as place:
        zoe = place.enter("zoe", "lobby")
        seq = zoe.say("lobby", "a rude\nword")
        zoe.ok("edit", room="lobby", seq=seq, text="a ruder word")
        zoe.say("lobby", "why?", reply_to=seq)
        place.mia.ok("delete", room="lobby", seq=seq, reason="be kind")
