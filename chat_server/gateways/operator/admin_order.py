"""What the operator does as moderators do: ban, mute, freeze, and the end of those."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from chat_server.admin import messages
from chat_server.admin.messages import OPERATOR, Done, Part, RefusedPart
from chat_server.identity.roles import Role
from chat_server.moderation.notices import OwnNotices
from chat_server.moderation.targets import Actor
from chat_server.network.socket_service import VISIT_LIMIT
from chat_server.requests.context import Context
from chat_server.rooms.room import Draft, Outlet, Room
from protocol.common.durations import show_duration
from protocol.errors import Code, ProtocolError

ACTOR = Actor(OPERATOR, Role.OWNER)

AnyOrder = (
    messages.Ban
    | messages.Unban
    | messages.Mute
    | messages.Unmute
    | messages.FreezeRooms
    | messages.Unfreeze
)
"""Any of them."""


class Told(OwnNotices):
    """The notices of one act. Leaving the block waits until they are stored, or refused."""

    def __init__(self) -> None:
        super().__init__(ACTOR.nick)
        # Guards all below. A leaf.
        self._settled = threading.Condition()
        self._left = 0
        self.rooms = 0
        self.refused = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._settled:
            if error is None:
                self._settled.wait_for(lambda: not self._left, VISIT_LIMIT)
            self.refused += self._left

    def write(self, room: str, text: str) -> Draft:
        """Return a notice for a room."""
        with self._settled:
            self._left += 1
            self.rooms += 1
        return super().write(room, text)

    def settle(self, draft: Draft, *, stored: bool = True) -> tuple[Outlet, ...]:
        """Count a notice that is stored, or refused."""
        with self._settled:
            self._left -= 1
            self.refused += not stored
            self._settled.notify_all()
        return super().settle(draft, stored=stored)


def done(told: Told, text: str) -> Part:
    """Return the answer to an act that left notices."""
    if told.refused:
        return RefusedPart(f"{text}; but {told.refused} notices could not be stored: see the log.")
    return Done(f"{text}.")


def give_order(parts: Context, request: AnyOrder) -> Part:
    """Do what the operator asks, and return the answer.

    Raises:
        ProtocolError: it is refused.
        StoreError: it could not be kept; nothing happened.
    """
    return _ORDERS[type(request)](parts, request)


def _ban(parts: Context, request: messages.Ban) -> Part:
    parts.acts_on_people.ban(
        ACTOR, request.who, request.reason, request.seconds, address=request.address
    )
    and_address = " and the address" if request.address else ""
    return Done(f"{request.who}{and_address}: banned{_for(request.seconds)}.")


def _unban(parts: Context, request: messages.Unban) -> Part:
    parts.acts_on_people.lift(ACTOR, "ban", request.who)
    return Done(f"{request.who} may come in again.")


def _mute(parts: Context, request: messages.Mute) -> Part:
    parts.acts_on_people.mute(ACTOR, request.who, request.reason, request.seconds)
    return Done(f"{request.who}: muted{_for(request.seconds)}.")


def _unmute(parts: Context, request: messages.Unmute) -> Part:
    parts.acts_on_people.lift(ACTOR, "mute", request.who)
    return Done(f"{request.who} may talk again.")


def _freeze(parts: Context, request: messages.FreezeRooms) -> Part:
    room = _room(parts, request.room)
    with Told() as told:
        parts.acts_on_rooms.freeze(ACTOR, room, request.seconds, request.speakers, told)
    return done(told, f"{_place(room)} frozen{_for(request.seconds)}")


def _unfreeze(parts: Context, request: messages.Unfreeze) -> Part:
    room = _room(parts, request.room)
    with Told() as told:
        parts.acts_on_rooms.unfreeze(ACTOR, room, told)
    return done(told, f"{_place(room)} open to everybody again")


def _room(parts: Context, name: str | None) -> Room | None:
    """The room of a name; None for all of them."""
    if name is None:
        return None
    room = parts.rooms.find(name)
    if room is None:
        raise ProtocolError(Code.NO_SUCH_ROOM, f"there is no room {name}")
    return room


def _place(room: Room | None) -> str:
    return "all rooms are" if room is None else f"{room.name} is"


def _for(seconds: float | None) -> str:
    return "" if seconds is None else f" for {show_duration(seconds)}"


_ORDERS: dict[type, Callable[[Context, Any], Part]] = {
    messages.Ban: _ban,
    messages.Unban: _unban,
    messages.Mute: _mute,
    messages.Unmute: _unmute,
    messages.FreezeRooms: _freeze,
    messages.Unfreeze: _unfreeze,
}
