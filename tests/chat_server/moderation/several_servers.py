"""Two servers on one Redis, with somebody in charge: what the tests of what they share stand on."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from chat_server.server import Server
from tests.chat_server.house import House
from tests.support.peer import Peer
from tests.support.redis_server import RedisServer
from tests.support.servers import running_server
from tests.support.waiting import eventually


class Pair(NamedTuple):
    """Two servers and those in them.

    Attributes:
        redis: that both are on.
        servers: the two.
        houses: one for each.
        ada: an owner, on the first, in the lobby.
        mia: a moderator, on the second, in the lobby.
    """

    redis: RedisServer
    servers: tuple[Server, Server]
    houses: tuple[House, House]
    ada: Peer
    mia: Peer

    def knows(self, room: str, *nicks: str) -> None:
        """Wait until both servers know who is in a room."""
        for moderator in (self.ada, self.mia):
            eventually(partial(_names, moderator, room, set(nicks)))

    def come_back(self, house: int, peer: Peer, *rooms: str) -> Peer:
        """Go on with somebody's session on a server, in rooms."""
        back = self.houses[house].enter(peer.nick, session=peer.session)
        back.skip_ids(1000)  # ids are never used again
        for room in rooms:
            back.join(room)
        return back


def _names(peer: Peer, room: str, nicks: set[str]) -> bool:
    """Whether somebody's server knows that some are in a room."""
    return nicks <= set(peer.page("who", room=room)["members"])


@contextmanager
def pair_of_servers(folder: Path) -> Iterator[Pair]:
    """Run them, and a Redis of their own."""
    with (
        RedisServer(folder / "redis") as redis,
        running_server(folder / "one", log=redis.address) as one,
        running_server(folder / "two", log=redis.address) as two,
        House(one) as first,
        House(two) as second,
    ):
        ada, mia = first.enter("ada", "lobby"), second.enter("mia", "lobby")
        ada.ok("claim", secret=one.owner_secret)
        ada.ok("op", who="mia")
        yield Pair(redis, (one, two), (first, second), ada, mia)
