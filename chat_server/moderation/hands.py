"""Raised hands: in a room that is frozen its moderators see who would like to speak."""

from chat_server.moderation.checks import Checks
from chat_server.participant import Participant
from chat_server.room import Member, Room
from chat_server.rooms import Rooms
from protocol.errors import Code, ProtocolError
from protocol.messages import HandChange, encode


class Hands:
    """Puts them up and takes them down. Any thread may call any method."""

    def __init__(self, rooms: Rooms, checks: Checks) -> None:
        self._rooms = rooms
        self._checks = checks

    def raise_hand(self, room: Room, session: Participant) -> None:
        """Put somebody at the end of a room's queue.

        Raises:
            ProtocolError: `forbidden`: the room is not frozen.
        """
        if not self._checks.is_frozen(room):
            raise ProtocolError(
                Code.FORBIDDEN, "the room is not frozen: say it without raising your hand"
            )
        count = room.floor.raise_hand(session)
        if count is not None:
            self._tell(room, HandChange(room.name, session.nick, True, count))

    def lower_hand(self, room: Room, session: Participant, *, leaving: bool = False) -> None:
        """Take somebody out of a room's queue, if they are in it."""
        count = room.floor.lower_hand(session, leaving=leaving)
        if count is not None:
            self._tell(room, HandChange(room.name, session.nick, False, count))

    def leave_room(self, member: Member) -> None:
        """Let a member go, and take their hand down."""
        self._rooms.leave(member)
        self.lower_hand(member.room, member.session, leaving=True)

    def _tell(self, room: Room, change: HandChange) -> None:
        frame = encode(change)
        for member in room.members():
            if self._checks.is_moderator(member.session):
                member.outbox.put_if_short(frame)
