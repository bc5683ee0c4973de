"""A server and the people in it."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from chat_server.server import Server
from tests.support.peer import Frame, Peer
from tests.support.servers import address_of


class House:
    """Opens connections to one server and closes them all in the end.

    Attributes:
        server: the server, or None if it is another process.
        address: where it listens.
    """

    def __init__(self, server: Server | str) -> None:
        self.server = None if isinstance(server, str) else server
        self.address = server if isinstance(server, str) else address_of(server)
        self._peers: list[Peer] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for peer in self._peers:
            peer.close()

    def connect(self, address: str | None = None, *, answers_pings: bool = True) -> Peer:
        """Connect, and say nothing yet."""
        peer = Peer.connect(address or self.address, answers_pings=answers_pings)
        self._peers.append(peer)
        return peer

    def enter(self, nick: str, *rooms: str, address: str | None = None, **members: Any) -> Peer:
        """Connect, say hello and join rooms."""
        peer = self.connect(address)
        welcome = peer.hello(nick, **members)
        assert welcome["type"] == "welcome", welcome
        for room in rooms:
            peer.join(room)
        return peer


def say_many(peer: Peer, room: str, count: int) -> None:
    """Say `number 1`, `number 2` and so on."""
    for number in range(1, count + 1):
        peer.say(room, f"number {number}")


def texts(messages: list[Frame]) -> list[str]:
    """What was said."""
    return [message["text"] for message in messages]


def seqs(messages: list[Frame]) -> list[int]:
    """Their places in the log."""
    return [message["seq"] for message in messages]


def all_pages(peer: Peer, kind: str, last: Callable[[Frame], Any], **members: Any) -> list[Frame]:
    """Ask for page after page, each from behind the `last` of the one before."""
    found = [peer.page(kind, **members)]
    while found[-1]["more"]:
        found.append(peer.page(kind, **{**members, "after": last(found[-1])}))
    return found


def last_seq(page: Frame) -> int:
    """Where a page of messages ends. One with more behind it holds at least one."""
    seq: int = page["messages"][-1]["seq"]
    return seq


def whole_log(peer: Peer, room: str, limit: int = 1000) -> list[Frame]:
    """Read a room's log from its first message on. The peer is in the room."""
    pages = all_pages(peer, "history", last_seq, room=room, after=0, limit=limit)
    return [message for page in pages for message in page["messages"]]
