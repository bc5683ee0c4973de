"""Raised hands: in a room that is frozen its moderators see who would like to speak."""

from functools import partial

from chat_server.identity.participant import Participant
from chat_server.moderation.hand_book import HandBook
from chat_server.moderation.permissions import Permissions
from chat_server.rooms.codec import Broadcast
from chat_server.rooms.policy import NO_POLICY, PersonKey, person_keys
from chat_server.rooms.room import Member, Room
from protocol.errors import Code, ProtocolError
from protocol.messages import HandChange


class RaisedHands:
    """Puts them up and takes them down. Any thread may call any method."""

    def __init__(self, permissions: Permissions, book: HandBook) -> None:
        """
        Args:
            permissions: says who is a moderator, and whether a room is frozen.
            book: keeps the hands.
        """
        self._book = book
        self._permissions = permissions

    def raise_hand(self, room: Room, session: Participant) -> None:
        """Put somebody at the end of a room's queue.

        Raises:
            ProtocolError: `forbidden`: the room is not frozen.
            StoreError: it could not be kept; nothing has changed.
        """
        self._check_frozen(room)
        raised = self._book.raise_hand(room.name, session, partial(_names_in, room))
        if raised is None:
            return
        if not (room.policy or NO_POLICY).has_freeze:  # it ended, and took down what was up then
            self._book.lower_hand(room.name, session)
            self._check_frozen(room)
        count, absent = raised
        if absent is not None:
            self._tell(room, HandChange(room.name, absent, False, count - 1))
        self._tell(room, HandChange(room.name, session.nick, True, count))

    def lower_hand(self, room: Room, session: Participant, *, leaving: bool = False) -> None:
        """Take somebody out of a room's queue, if they are in it."""
        count = self._book.lower_hand(room.name, session, leaving=leaving)
        if count is not None:
            self._tell(room, HandChange(room.name, session.nick, False, count))

    def nicks(self, room: Room, after: str | None) -> list[str]:
        """Return the nicks of who is in a room's queue, in its order, or of those behind `after`.

        Raises:
            ProtocolError: `no_such_nick`: `after` is not in the queue.
        """
        if after is None:
            return self._book.nicks(room.name)
        return self._book.nicks_after(room.name, after)

    def know(self, member: Member) -> None:
        """Take somebody who came into a room for whose hand is up there, if it is theirs."""
        self._book.know(member.room.name, member.session)

    def rename_person(self, session: Participant, before: PersonKey) -> None:
        """Take somebody for who they were, who logged in or out and had another name `before`."""
        self._book.rename_person(session, before)

    def forget(self, room: str) -> None:
        """Take all hands of a room down that is removed."""
        self._book.clear(room)
        self._book.tidy()

    def member_left(self, member: Member, comes_back: bool) -> None:
        """Take down the hand of somebody who has left a room, unless they are expected back."""
        if not comes_back:
            self.lower_hand(member.room, member.session, leaving=True)

    def _check_frozen(self, room: Room) -> None:
        if not self._permissions.is_frozen(room):
            raise ProtocolError(
                Code.FORBIDDEN, "the room is not frozen: say it without raising your hand"
            )

    def _tell(self, room: Room, change: HandChange) -> None:
        told = Broadcast(change)
        for member in room.members():
            if self._permissions.is_moderator(member.session):
                member.outbox.put_if_short(told)


def _names_in(room: Room) -> frozenset[PersonKey]:
    """All names of those who are in a room."""
    return frozenset[PersonKey]().union(*(person_keys(member.session) for member in room.members()))
