"""A user without a terminal, at a server that answers by a script."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import chat_client
from chat_client import Chat
from chat_client.commands.command import Item, Pages, Talk
from chat_client.commands.parse import parse
from chat_client.commands.table import COMMANDS
from chat_client.display.state.model import View
from chat_client.display.terminal_lines import Lines
from chat_client.display.time_format import Clock
from chat_client.events import Connected, Entered
from tests.chat_client.foreign import Line, foreign_server

LINES = Lines(clock=Clock("", "UTC"))


class Desk:
    """A user without a terminal: types a line, and has what is shown."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self.view = View(LINES, "server", "on")
        self.shown: list[str] = []
        self._talk = Talk(chat, self.view, LINES, COMMANDS, self._post, lambda: None)
        for event in (
            Connected("ana", "s/1", "", again=False),
            Entered("lobby", "", 1, 0, 0, 0, again=False),
        ):
            list(self.view.take(event))

    def enter(self, line: str, *secrets: str) -> list[str]:
        """Type a line, with the passwords that are asked for, and return what is shown then."""
        self.shown.clear()
        typed = parse(line, self.view)
        typed = typed.with_secrets(*secrets) if secrets else typed
        typed.command.run(self._talk, typed)
        return [line.removeprefix("-- ").strip() for line in self.shown]

    def _post(self, item: Item) -> None:
        if isinstance(item, str):
            self.shown.append(item)
        elif isinstance(item, Pages):
            self.shown += item.lines
        elif callable(item):
            self.shown += item()
        else:
            self.shown += self.view.take(item)


@contextmanager
def desk(
    *replies: tuple[str, dict[str, Any]] | None,
) -> Iterator[tuple[Desk, list[dict[str, Any]]]]:
    """Somebody in the lobby of a server that replies so to one request after the other, `ok` where
    it is None; and what it was asked.
    """
    asked: list[dict[str, Any]] = []

    def script(line: Line) -> None:
        line.welcome()
        line.admit()
        for reply in replies:
            request = line.receive()
            kind, members = reply or ("ok", {})
            number = request.pop("id")
            asked.append(request)
            line.send(kind, re=number, **members)
        line.wait_for_end()

    with foreign_server(script) as address, chat_client.connect(address, nick="ana") as chat:
        chat.join("lobby")
        yield Desk(chat), asked
