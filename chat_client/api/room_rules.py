"""The rules of a room: what holds there, who may change it, and who is invited."""

from functools import partial
from typing import Literal

from chat_client.api.replies import room_named
from chat_client.errors import ChatError
from chat_client.session.session import Session
from protocol.messages import Invite, Ok, RoomRules, Rules, SetRules, Uninvite

TopicRule = Literal["everybody", "moderators", "default"]


class RulesOfRoom:
    """The rules of one room. Every method waits for the reply, and raises as those of `Chat` do."""

    def __init__(self, session: Session, room: str) -> None:
        self._session = session
        self._room = room_named(room)

    def ask(self) -> RoomRules:
        """Return what holds in the room.

        Raises:
            Refused: `not_in_room`, for who is neither in it nor a moderator.
        """
        reply = self._session.request(partial(_rules, self._room))
        if isinstance(reply, Ok) and isinstance(reply.rules, RoomRules):
            return reply.rules
        raise ChatError("the server broke the protocol: its reply lacks the rules")

    def set(
        self,
        *,
        topic: TopicRule | None = None,
        read_only: bool | None = None,
        invite_only: bool | None = None,
        forget: bool | None = None,
        images: bool | None = None,
    ) -> None:
        """Change what holds in the room; what is None stays. Only moderators may.

        Args:
            topic: who sets the topic; "default" is moderators where an owner is in the room.
            read_only: whether only moderators speak.
            invite_only: whether only who is invited comes in, and sees that there is the room.
            forget: whether what was said is deleted when nobody is in the room any more.
            images: whether clients show images that are offered as files; else they are
                downloaded, as every other file is.
        """
        self._session.request(
            lambda id: SetRules(id, self._room, topic, read_only, invite_only, forget, images)
        )

    def invite(self, who: str) -> None:
        """Let somebody come in: a nick that is here, or `@` and an account. Only moderators may."""
        self._session.request(lambda id: Invite(id, self._room, who))

    def uninvite(self, who: str) -> None:
        """Take an invitation back. Who came in by it is in the room no more."""
        self._session.request(lambda id: Uninvite(id, self._room, who))


def _rules(room: str, id: int) -> Rules:
    return Rules(id, room)
