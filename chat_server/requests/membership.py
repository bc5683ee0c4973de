"""Being in rooms: joining and leaving them, and who else is there."""

from typing import NamedTuple

from msgspec import UNSET, UnsetType

from chat_server.delivery.replies import fitting
from chat_server.identity.roles import Role
from chat_server.requests.context import Caller
from chat_server.rooms.room import Member, Room
from protocol import messages
from protocol.errors import Code, ProtocolError
from protocol.messages import Ok, Page, RoomEntry
from protocol.text import normalize_room


class _Present(NamedTuple):
    """Somebody in a room, as a page counts them."""

    nick: str
    mark: str


def join(caller: Caller, request: messages.Join) -> None:
    """Place a cursor in a room's log; the reply goes out ahead of what follows it."""
    if request.after is not None and request.history is not None:
        raise ProtocolError(
            Code.BAD_REQUEST, "A join has `after` or `history`, not both: leave one out."
        )
    name = normalize_room(request.room)
    _check_room_count(caller, name)
    diverged = _divergence(caller, name, request)
    added, role = None, caller.role
    if caller.context.rooms.find(name) is None:
        caller.check_voice()  # the list of rooms shows its name to everybody
    while added is None:  # a room that is given up, or gets other rules at this moment
        room = caller.context.rooms.enter(name, caller.connection.host, temporary=request.temporary)
        if room.is_closed:
            caller.pause()
            room.wait_until_open()
        policy = room.policy
        if policy is not None and caller.outbox.member_in(room) is None:
            caller.context.permissions.check_entry(policy, caller.session)
        last = room.last
        cursor = _cursor(request, last) if diverged is None else diverged
        oldest = oldest_after(caller, room, cursor)
        # What is gone is told by the reply: nobody has to look for it.
        place = cursor if oldest is UNSET else min(oldest - 1, last)
        host = caller.connection.host
        member = Member(room, caller.session, caller.outbox, place, role, host)
        added = room.add(member, policy, temporary=request.temporary)
    count, topic = added
    reply = Ok(
        re=request.id,
        room=name,
        seq=last,
        members=count,
        topic=topic,
        oldest=oldest,
        frozen=caller.context.permissions.is_frozen(room) or UNSET,
        log=caller.context.store.name,
        diverged=UNSET if diverged is None else diverged,
    )
    if not caller.outbox.admit(member, reply):
        caller.context.rooms.leave(member, comes_back=True)
        return
    caller.context.hands.know(member)
    caller.context.pins.tell(member)
    caller.context.polls.know(member)
    while room.policy is not policy:  # a freeze may have been told of ahead of this
        policy = room.policy
        frozen = caller.context.permissions.is_frozen(room)
        caller.outbox.put(messages.FreezeChange(room=name, frozen=frozen))
        caller.context.guests.expel_stranger(member)  # nor of an invitation that is taken back
    caller.context.standings.renew_member(member)


def leave(caller: Caller, request: messages.Leave) -> Ok:
    """Leave a room."""
    member = membership(caller, request.room)
    caller.outbox.dismiss(member)
    caller.context.rooms.leave(member)
    return Ok(re=request.id)


def forget(caller: Caller, request: messages.Forget) -> Ok:
    """Remove a temporary room."""
    actor = caller.actor()
    name = normalize_room(request.room)
    room = caller.context.rooms.find(name)
    if room is not None and _is_hidden(caller, room):
        raise no_such_room(name)
    caller.context.acts_on_rooms.forget(actor, name)
    return Ok(re=request.id)


def who(caller: Caller, request: messages.Who) -> Page:
    """Name who is in a room."""
    room = readable_room(caller, request.room)
    after = request.after
    role_of = caller.context.accounts.role_of
    members, elsewhere = room.list_people()
    here = {member.session.nick: role_of(member.session) for member in members}
    found = sorted((elsewhere | here).items())
    people = [_Present(nick, _mark(role)) for nick, role in found if after is None or nick > after]
    shown = fitting(people)
    return Page(
        re=request.id,
        more=len(shown) < len(people),
        members=[nick for nick, _ in shown],
        roles={nick: mark for nick, mark in shown if mark} or UNSET,
    )


def rooms(caller: Caller, request: messages.Rooms) -> Page:
    """Name the rooms."""
    after = request.after
    entries = [
        RoomEntry(room=room.name, members=room.count, topic=room.topic)
        for room in caller.context.rooms.all()
        if (after is None or room.name > after) and not _is_hidden(caller, room)
    ]
    shown = fitting(entries)
    return Page(re=request.id, more=len(shown) < len(entries), rooms=shown)


def membership(caller: Caller, name: str) -> Member:
    """The membership in the room of that name; `not_in_room` if there is none."""
    last = caller.member  # only this thread admits it anew; who is dismissed meanwhile was in
    if last is not None and last.room.name == name and last.admitted:
        return last
    name = normalize_room(name)
    room = caller.context.rooms.find(name)
    member = caller.outbox.member_in(room) if room else None
    if member is None:
        raise ProtocolError(Code.NOT_IN_ROOM, f"you are not in {name}: join it first")
    caller.member = member
    return member


def readable_room(caller: Caller, name: str) -> Room:
    """The room of that name, if this client is in it."""
    room = caller.context.rooms.find(normalize_room(name))
    if room is None or _is_hidden(caller, room):
        raise no_such_room(normalize_room(name))
    return membership(caller, name).room


def no_such_room(name: str) -> ProtocolError:
    """Return the refusal of what is asked of a room that there is not, or that is hidden."""
    return ProtocolError(Code.NO_SUCH_ROOM, f"there is no room {name}")


def _is_hidden(caller: Caller, room: Room) -> bool:
    """Whether the caller is not to learn that there is a room."""
    hides = caller.context.permissions.hides(room, caller.session)
    return hides and caller.outbox.member_in(room) is None


def _mark(role: Role) -> str:
    return "" if role is Role.MEMBER else role.word


def oldest_after(caller: Caller, room: Room, seq: int) -> int | UnsetType:
    """The oldest message that is kept, if what follows `seq` is gone."""
    oldest = caller.context.store.oldest(room.name)
    return oldest if oldest is not None and oldest > seq + 1 else UNSET


def _divergence(caller: Caller, room: str, request: messages.Join) -> int | None:
    """The last message that the log of a client that comes back shares with ours.

    None where it is the same log, or the client does not say.
    """
    if request.after is None or request.log is None:
        return None
    return caller.context.store.common(room, request.log, request.after)


def _check_room_count(caller: Caller, name: str) -> None:
    """See that the caller may be in one more room."""
    allowed = caller.context.settings.rooms_per_client
    rooms = [member.room.name for member in caller.outbox.members()]
    if len(rooms) >= allowed and name not in rooms:
        raise ProtocolError(
            Code.TOO_MANY_ROOMS,
            f"a client may be in {allowed} rooms, and you are: leave one first",
        )


def _cursor(request: messages.Join, last: int) -> int:
    """Where a join places the cursor in a log that ends with the seq `last`."""
    if request.after is not None:
        return min(request.after, last)
    return last if request.history is None else max(0, last - request.history)
