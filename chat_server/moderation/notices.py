"""Notices: what an act of a moderator leaves in the logs of rooms, through the usual path.

One request may put a notice into many rooms. It is answered when all of them are stored, and each
room has it once, however often the request comes: what is under way the session knows, as with
everything that is said, and what is stored the store does, by session, request and room.
"""

import threading
from typing import Any, Protocol

from msgspec import UNSET

from chat_server.delivery.replies import refusal, unavailable
from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import Asked
from chat_server.rooms.people.session import Session
from chat_server.rooms.room import Draft, Outlet
from chat_server.storage.interface import RoomLog
from protocol.errors import ProtocolError
from protocol.messages import Error, Message, Ok, PollResult


class NoticeWriter(Protocol):
    """Makes the notices of one act.

    `begun` is whether the request came before, and what it asked for was done.
    """

    @property
    def begun(self) -> bool:
        """See above."""
        ...

    def write(self, room: str, text: str) -> Draft | None:
        """Return a notice for a room, to be posted; None if the room has it already."""
        ...


class OwnNotices:
    """Notices that no request asked for: a freeze ends, or the operator has something to say."""

    def __init__(self, by: str) -> None:
        """`by` is who the notices are from: a nick, or the server's own name."""
        self._by = by
        self.begun = False

    def write(self, room: str, text: str) -> Draft:  # noqa: ARG002
        """Return a notice for a room."""
        return Draft(self, None, 0, Message.unnumbered(self._by, "notice", text), ())

    def settle(self, draft: Draft, *, stored: bool = True) -> tuple[Outlet, ...]:  # noqa: ARG002
        """Nobody waits for it."""
        return ()


class Notices:
    """The notices of one request. `finish` or `fail` is called once, when all are written."""

    def __init__(self, session: Session, claimed: Draft) -> None:
        """
        Args:
            session: whose request it is.
            claimed: what the session knows the request by; it is never posted itself.
        """
        self._session = session
        self._claimed = claimed
        assert claimed.number is not None, "somebody asks for it"
        self._number = claimed.number
        self._told: set[str] = set()  # rooms that have theirs from when the request came before
        self._done = False
        self._written: set[str] = set()  # rooms that get theirs now: this thread's alone
        # Guards all below. A leaf.
        self._lock = threading.Lock()
        self._left = 1  # notices that are not settled; and the writing of them
        self._error: ProtocolError | None = None
        self._nick: str | None = None

    def look_up(self, store: RoomLog, people: PeopleStore) -> None:
        """See whether the request was done already, and which notices are stored.

        Raises:
            StoreError: the stores could not be asked.
        """
        asked = Asked(self._session.token, self._claimed.request)
        self._told = store.find_notices(self._number, asked.request)
        self._done = bool(self._told) or people.was_done(asked)

    @property
    def told(self) -> bool:
        """Whether some notices are stored."""
        return bool(self._told)

    @property
    def begun(self) -> bool:
        """Whether the request came before, and what it asked for was done."""
        return self._done

    def write(self, room: str, text: str) -> Draft | None:
        """Return a notice for a room, to be posted; None if the room has it already."""
        return self._write(room, "notice", text)

    def write_poll(self, room: str, text: str, poll: PollResult) -> Draft | None:
        """Return a message of the kind `poll` for a room, in the way of a notice."""
        return self._write(room, "poll", text, poll=poll)

    def withdraw(self) -> None:
        """Say that what was written last is not posted, as what asked for it is refused."""
        with self._lock:
            self._left -= 1

    def name(self, nick: str | None) -> None:
        """Say whom the reply is to name."""
        self._nick = nick

    def _write(self, room: str, kind: str, text: str, **marks: Any) -> Draft | None:
        if room in self._told or room in self._written:
            return None
        self._written.add(room)
        with self._lock:
            self._left += 1
        claimed = self._claimed
        notice = Message.unnumbered(
            claimed.message.from_, kind, text, **claimed.message.marks(), **marks
        )
        return Draft(self, self._number, claimed.request, notice, ())

    def settle(self, draft: Draft, *, stored: bool = True) -> tuple[Outlet, ...]:  # noqa: ARG002
        """Count a notice that is stored, or refused. Who waits is answered from here."""
        self._count(None if stored else unavailable())
        return ()

    def finish(self) -> None:
        """Say that all notices are written. The request is answered when they are stored."""
        self._count(None)

    def fail(self, error: ProtocolError) -> None:
        """Say that what was asked for is refused."""
        self._count(error)

    def _count(self, error: ProtocolError | None) -> None:
        with self._lock:
            self._error = self._error or error
            self._left -= 1
            if self._left:
                return
        reply = self._reply()
        for outbox in self._session.settle(self._claimed):
            outbox.reply([reply])

    def _reply(self) -> Ok | Error:
        re, error = self._claimed.request, self._error
        if error is not None:
            return refusal(re, error)
        return Ok(re=re, nick=UNSET if self._nick is None else self._nick)
