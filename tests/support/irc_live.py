"""A live state in which nobody is here, for tests of the gateway without a server."""
# ruff: noqa: ARG002 - whatever is asked, the answer is the same

from collections.abc import Callable, Iterable

from chat_server.gateways.irc.live import IrcPerson, Modes
from chat_server.rooms.codec import Codec
from protocol.messages import Message, ServerMessage


class NobodyHere:
    """Every room is there, and empty. See Live."""

    def __init__(self, *here: str) -> None:
        """`here` are nicks that count as taken all the same."""
        self.here = set(here)

    def now(self) -> float:
        return 1.5

    def is_here(self, nick: str) -> bool:
        return nick in self.here

    def person(self, nick: str) -> IrcPerson | None:
        return None

    def people(self) -> int:
        return 0

    def tell_early(self, rooms: Iterable[str]) -> None:
        pass

    def has_account(self, name: str) -> bool:
        return False

    def authenticate(self, name: str, password: str, host: str) -> str | None:
        return None

    def rooms(self) -> int:
        return 0

    def has_room(self, room: str, nick: str) -> bool:
        return True

    def members(self, room: str) -> list[IrcPerson]:
        return []

    def member(self, room: str, nick: str) -> IrcPerson | None:
        return None

    def modes(self, room: str) -> Modes:
        return Modes()

    def topic(self, room: str) -> str:
        return ""

    def last(self, room: str) -> int:
        return 0

    def recent(self, room: str, limit: int, space: int | None = None) -> list[Message]:
        return []

    def after(self, room: str, seq: int) -> Message | None:
        return None

    def check_voice(self, nick: str, room: str | None, host: str) -> None:
        pass

    def is_muted(self, nick: str) -> bool:
        return False

    def tell(
        self,
        rooms: Iterable[str],
        nicks: Iterable[str],
        event: ServerMessage,
        speaks: Callable[[Codec], bool],
    ) -> None:
        pass
