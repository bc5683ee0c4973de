"""A house with somebody in charge: what the tests of order stand on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chat_server.server import Server
from tests.chat_server.house import House
from tests.support.clock import ManualClock
from tests.support.peer import Frame, Peer
from tests.support.servers import running_server


class OrderedHouse(House):
    """A house whose owner is `ada`, who is in the lobby, with `mia`, a moderator."""

    def __init__(self, server: Server, ada: str | None = None, mia: str | None = None) -> None:
        """Come in, as somebody new or with the sessions of before."""
        super().__init__(server)
        self.running = server
        self.ada = self._enter_as("ada", ada)
        self.mia = self._enter_as("mia", mia)
        if ada is None:
            self.ada.ok("claim", secret=server.owner_secret)
            self.ada.ok("op", who="mia")

    def _enter_as(self, nick: str, session: str | None) -> Peer:
        if session is None:
            return self.enter(nick, "lobby")
        peer = self.enter(nick, session=session)
        peer.skip_ids(1000)  # ids are never used again
        peer.join("lobby")
        return peer


@contextmanager
def ordered_house(
    data: Path | None = None, clock: ManualClock | None = None, **settings: Any
) -> Iterator[OrderedHouse]:
    """Run a server with its owner and a moderator."""
    with running_server(data, clock, **settings) as server, OrderedHouse(server) as house:
        yield house


def notices(peer: Peer, count: int) -> list[str]:
    """The texts of the next notices."""
    found = [peer.take(_is_notice) for _ in range(count)]
    return [message["text"] for message in found]


def _is_notice(frame: Frame) -> bool:
    return frame.get("type") == "message" and frame.get("kind") == "notice"


def is_refused(peer: Peer, nick: str, code: str = "banned", **members: Any) -> Frame:
    """Say hello, which must end the connection."""
    peer.send({"type": "hello", "version": 1, "nick": nick, **members})
    return peer.expect_fatal(code)
