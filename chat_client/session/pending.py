"""The requests that have no reply yet.

They outlive a connection: on the next one they are sent again under their old ids, and the server
does each of them once. Two kinds are not sent again, see `PendingRequests.forget_private` and
`PendingRequests.forget_unrepeatable`.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import NamedTuple

from chat_client.errors import ChatError, Refused, Unconfirmed
from chat_client.transport.connection import Connection
from protocol.errors import Code
from protocol.messages import (
    Announce,
    AnyRequest,
    Claim,
    Delete,
    Edit,
    Kick,
    Login,
    Ok,
    Page,
    Password,
    Ping,
    Say,
    Tell,
    Topic,
    encode,
)

_NOT_TWICE = Say | Edit | Delete | Topic | Announce | Kick
"""Requests that the client does not repeat once the server has forgotten the session."""

_SLOWED_ON_PURPOSE = Login | Password | Claim
"""Requests that the server slows down after wrong passwords. To repeat them would be guessing."""

Reply = Ok | Page


class Later(NamedTuple):
    """The server did not do a request yet; make it again after so many seconds."""

    seconds: float


@dataclass(slots=True)
class Pending:
    """A request without a reply.

    Attributes:
        request: the request.
        frame: the request as bytes.
        own: whether the session made it for one connection, so that nobody waits for the reply.
        outcome: becomes the reply, or the exception to raise where the caller waits.
        sent: whether a connection has taken it, so that the server may have received it.
        made: when it was made, on the monotonic clock.
    """

    request: AnyRequest
    frame: bytes
    own: bool
    outcome: Future[Reply | Later] = field(default_factory=Future)
    sent: bool = False
    made: float = field(default_factory=time.monotonic)

    def send(self, connection: Connection) -> None:
        """Hand the request to a connection. Never waits."""
        self.sent = True
        connection.send(self.frame)


class PendingRequests:
    """The pending requests of a session, by id. Call every method with the session's lock held."""

    def __init__(self, lock: threading.Lock) -> None:
        """Begin with none.

        Args:
            lock: the session's, which guards all of this.
        """
        self._lock = lock
        self._last_id = 0
        self._by_id: dict[int, Pending] = {}

    def add(self, build: Callable[[int], AnyRequest], *, own: bool = False) -> Pending:
        """Add a request under the next id.

        Args:
            build: makes the request, given its id.
            own: see `Pending`.

        Raises:
            Refused: it cannot be sent.
        """
        assert self._lock.locked()
        self._last_id += 1
        request = build(self._last_id)
        try:
            frame = encode(request)
        except ValueError:
            raise Refused(
                Code.BAD_REQUEST, "this is too long, or holds half a character: it cannot be sent"
            ) from None
        pending = self._by_id[self._last_id] = Pending(request, frame, own)
        return pending

    def take(self, number: int) -> Pending | None:
        """Remove and return the request with an id; None if there is none."""
        assert self._lock.locked()
        return self._by_id.pop(number, None)

    def take_ping(self, number: int) -> Pending | None:
        """Remove and return the ping with an id; None if that id belongs to no ping."""
        assert self._lock.locked()
        pending = self._by_id.get(number)
        return self._by_id.pop(number) if pending and isinstance(pending.request, Ping) else None

    def count_on_from(self, number: int) -> None:
        """Use only ids above a number from now on."""
        assert self._lock.locked()
        self._last_id = max(self._last_id, number)

    def take_all(self) -> list[Pending]:
        """Remove and return all requests."""
        assert self._lock.locked()
        pending = list(self._by_id.values())
        self._by_id.clear()
        return pending

    def unanswered(self) -> list[Pending]:
        """Return the requests to send again on a new connection, in the order they were made.

        The session's own are dropped: they were for the connection that is gone.
        """
        assert self._lock.locked()
        self._by_id = {number: each for number, each in self._by_id.items() if not each.own}
        return list(self._by_id.values())

    def forget_private(self) -> list[Pending]:
        """Remove and return direct messages: the nick may belong to somebody else by now."""
        return self._forget(lambda each: isinstance(each.request, Tell))

    def forget_unrepeatable(self) -> list[Pending]:
        """Remove and return requests that a server without our session could do a second time."""
        return self._forget(lambda each: each.sent and isinstance(each.request, _NOT_TWICE))

    def _forget(self, chosen: Callable[[Pending], bool]) -> list[Pending]:
        assert self._lock.locked()
        numbers = [number for number, each in self._by_id.items() if chosen(each)]
        return [self._by_id.pop(number) for number in numbers]


def not_delivered(pending: Pending) -> ChatError:
    """Return the error for a direct message that is not sent on a new connection."""
    if pending.sent:
        return Unconfirmed(
            "the connection broke before the server replied: it is not known whether this arrived"
        )
    return Refused(
        Code.UNAVAILABLE,
        "not sent: the connection was lost, so the nick may belong to somebody else by now",
    )


def not_known() -> Unconfirmed:
    """Return the error for a request that a server without our session may have stored."""
    return Unconfirmed(
        "the connection broke before the server replied, and the server does not remember: it is "
        "not known whether this was said"
    )


def is_worth_waiting(code: str, request: AnyRequest) -> bool:
    """Return whether the server will take the same request later.

    Args:
        code: why it refused it, with a delay.
        request: the request.
    """
    if code == Code.UNAVAILABLE:  # a person who does not read now may never read
        return not isinstance(request, Tell)
    return code == Code.RATE_LIMITED and not isinstance(request, _SLOWED_ON_PURPOSE)
