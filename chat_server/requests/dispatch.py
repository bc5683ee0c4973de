"""The table of all requests, and how one is answered.

A handler is a function of the caller and the request. It returns the reply, or None where the reply
comes later or went out with something else; a ProtocolError refuses. The checks stand in it, and
the order in which the parts are told.
"""

from collections.abc import Callable
from contextlib import suppress
from enum import Enum, auto
from typing import Any, NamedTuple

from chat_server.requests import account_requests, hello, live_requests, membership
from chat_server.requests.context import Caller
from chat_server.requests.in_charge import board, hands, moderation, polling, room_rules
from chat_server.requests.talk import changes, direct, file_offers, posting, reading
from chat_server.runtime.errors import STORE_RETRY_AFTER, StoreError
from protocol import messages
from protocol.errors import Code, ProtocolError
from protocol.messages import ServerMessage

Handler = Callable[[Caller, Any], ServerMessage | None]


class Queue(Enum):
    """Which fair queue a request goes through, so that those who ask do not all compete: see
    `delivery.fair_queue`.
    """

    NONE = auto()
    """Nothing: it waits for the disk, or for a hash, and lets the interpreter go meanwhile."""

    SHORT = auto()
    """What takes a moment, and waits for nothing else; what waits, leaves it before. What only
    moderators may do is of this kind, too: most who ask for it without end are refused.
    """

    LONG = auto()
    """What may take a millisecond or more, or a look at the disk."""


class Rule(NamedTuple):
    """How one kind of request is answered.

    Attributes:
        handler: answers it, on the thread of the caller's connection.
        cost: for how many requests it counts, as it takes the server longer than others do, or
            others notice it. A client that comes back joins all its rooms at once, and may.
        room_cost: for how many more it counts for each room that the caller is in, if it changes
            something in all of them.
        always: whether it is answered also while other servers do not count on this one.
        queue: which one it goes through, before it is answered.
        reads: whether it reads what this connection may have asked for and the workers have yet to
            do, or what others see beside it. Then it waits until all of that is stored and
            answered, so that requests take effect in order. The others may overtake it.
        keeps_session: whether the caller's session is kept in the store before it is answered: so
            what was confirmed to somebody was confirmed in a session that survives a crash.
        changes_person: whether the caller has another nick or account after it: bans are looked
            at again then.
    """

    handler: Handler
    cost: int = 1
    queue: Queue = Queue.NONE
    reads: bool = False
    keeps_session: bool = True
    changes_person: bool = False
    room_cost: int = 0
    always: bool = False

    def cost_in(self, rooms: int) -> int:
        """Return for how many requests it counts for a caller who is in so many rooms."""
        return self.cost + self.room_cost * rooms


NEWS_COST = 2
"""For how many requests another nick counts in each room: it is news for all who are there, and a
row of attendance."""

REQUESTS: dict[type, Rule] = {
    messages.Hello: Rule(hello.again, keeps_session=False),
    messages.Ping: Rule(hello.ping, queue=Queue.SHORT, keeps_session=False, always=True),
    messages.Pong: Rule(hello.pong, queue=Queue.SHORT, keeps_session=False, always=True),
    messages.Bye: Rule(hello.bye, keeps_session=False, always=True),
    messages.Join: Rule(membership.join, cost=10, queue=Queue.SHORT, reads=True),
    messages.Leave: Rule(membership.leave, queue=Queue.SHORT, reads=True),
    messages.Forget: Rule(membership.forget, cost=20, queue=Queue.LONG),
    messages.Who: Rule(membership.who, cost=20, queue=Queue.LONG),
    messages.Rooms: Rule(membership.rooms, cost=20, queue=Queue.LONG, reads=True),
    messages.Say: Rule(posting.say, queue=Queue.SHORT),
    messages.Edit: Rule(changes.edit, cost=10, queue=Queue.SHORT, reads=True),
    messages.Delete: Rule(changes.delete, cost=10, queue=Queue.SHORT, reads=True),
    messages.Topic: Rule(posting.topic, queue=Queue.SHORT),
    messages.Tell: Rule(direct.tell, queue=Queue.SHORT),
    messages.Late: Rule(direct.late, cost=20),
    messages.History: Rule(reading.history, queue=Queue.LONG, reads=True),
    messages.Search: Rule(reading.search, cost=20, queue=Queue.SHORT, reads=True),
    messages.Nick: Rule(
        account_requests.nick, cost=20, queue=Queue.LONG, reads=True, room_cost=NEWS_COST
    ),
    messages.Register: Rule(account_requests.register, cost=20, changes_person=True),
    messages.Login: Rule(
        account_requests.login, cost=20, reads=True, changes_person=True, room_cost=NEWS_COST
    ),
    messages.Password: Rule(account_requests.password, cost=40, changes_person=True),
    messages.Logout: Rule(
        account_requests.logout, cost=20, reads=True, changes_person=True, room_cost=NEWS_COST
    ),
    messages.Claim: Rule(account_requests.claim, queue=Queue.SHORT, changes_person=True),
    messages.Op: Rule(account_requests.op, changes_person=True),
    messages.Deop: Rule(account_requests.deop, changes_person=True),
    messages.Kick: Rule(moderation.kick, queue=Queue.SHORT),
    messages.Ban: Rule(moderation.ban, queue=Queue.SHORT),
    messages.Unban: Rule(moderation.unban, queue=Queue.SHORT),
    messages.Mute: Rule(moderation.mute, queue=Queue.SHORT),
    messages.Unmute: Rule(moderation.unmute, queue=Queue.SHORT),
    messages.Bans: Rule(moderation.bans, queue=Queue.SHORT),
    messages.Slow: Rule(moderation.slow, queue=Queue.SHORT),
    messages.Lock: Rule(moderation.lock, queue=Queue.SHORT),
    messages.Rules: Rule(room_rules.rules, queue=Queue.SHORT, reads=True),
    messages.SetRules: Rule(room_rules.set_rules, queue=Queue.SHORT),
    messages.Invite: Rule(room_rules.invite, queue=Queue.SHORT),
    messages.Uninvite: Rule(room_rules.uninvite, queue=Queue.SHORT),
    messages.Announce: Rule(moderation.announce, queue=Queue.SHORT),
    messages.Freeze: Rule(moderation.freeze, queue=Queue.SHORT),
    messages.Unfreeze: Rule(moderation.unfreeze, queue=Queue.SHORT),
    messages.Hand: Rule(hands.hand, cost=20),
    messages.Hands: Rule(hands.hands, queue=Queue.SHORT),
    messages.Offer: Rule(file_offers.offer, cost=20),
    messages.Share: Rule(file_offers.share, cost=10),
    messages.Pin: Rule(board.pin, cost=10, queue=Queue.SHORT, reads=True),
    messages.Unpin: Rule(board.unpin, cost=10, queue=Queue.SHORT, reads=True),
    messages.Next: Rule(hands.give_floor, queue=Queue.SHORT),
    messages.Poll: Rule(polling.poll, cost=20),
    messages.Vote: Rule(polling.vote, cost=5),
    messages.EndPoll: Rule(polling.end_poll, cost=20),
    messages.Live: Rule(live_requests.live),
    messages.Disturb: Rule(live_requests.disturb),
}
"""How each request is answered, by its class in protocol.messages."""


def cost_of(caller: Caller, request: messages.AnyRequest) -> int:
    """Return for how many requests this one counts."""
    rule = REQUESTS[type(request)]
    return rule.cost_in(len(caller.outbox.members())) if rule.room_cost else rule.cost


def answer(caller: Caller, request: messages.AnyRequest) -> ServerMessage | None:
    """Do what `request` asks, and return the reply if it is to be sent now.

    Raises:
        ProtocolError: it is refused.
    """
    rule = REQUESTS[type(request)]
    neighbours = caller.context.store.neighbours
    if neighbours is not None and not rule.always and not neighbours.has_lease:
        raise ProtocolError(
            Code.UNAVAILABLE,
            "The server cannot reach the other ones just now.",
            retry_after=STORE_RETRY_AFTER,
        )
    if rule.keeps_session and caller.session.number is None:
        with suppress(StoreError):  # it lives in memory alone, until something has to be stored
            caller.keep_session()
    if rule.reads and caller.outbox.is_owed:
        caller.pause()
        caller.outbox.wait_until_answered()
    if rule.queue is Queue.SHORT:
        caller.context.short_queue.enter(caller.outbox)
    else:
        caller.pause()
    try:
        if rule.queue is Queue.LONG:
            _answer_queued(caller, rule.handler, request)
            return None
        reply = rule.handler(caller, request)
        if rule.changes_person:
            caller.context.people.settle()
    except StoreError as error:
        raise ProtocolError(
            Code.UNAVAILABLE,
            "The server cannot use its store just now.",
            retry_after=STORE_RETRY_AFTER,
        ) from error
    if rule.changes_person:
        caller.check_person()
    return reply


def _answer_queued(caller: Caller, handler: Handler, request: messages.AnyRequest) -> None:
    """Do what is asked once the client is at the head of the fair queue, and reply from there.

    Nothing is done for a client that has gone by then.
    """
    with caller.context.long_queue.at_head(caller.outbox) as is_head:
        here = is_head and not caller.outbox.is_gone
        reply = handler(caller, request) if here else None
        if reply is not None:
            caller.outbox.put(reply)
