"""Direct messages for people who are away: kept, and delivered when they are back.

A message waits for an account, or for a session that was lost a moment ago and may come back. It is
in the store, its text there alone; who waits for what is in memory as well.

Delivered once: behind the messages the server sends a `ping` whose id is one more than the number
of the last of them, and deletes them when its `pong` is there. Whoever sends that has read them. If
the connection breaks in between, they are sent again on the next one, under the same numbers, by
which a client knows that it has them.

Who comes back registers first and asks second (`deliver`); who sends looks again whether they are
here, once the message is kept, and sends it to them then. So whoever is second sees what the other
did. No lock is held while the store is used.

Where several servers share what is known of people, each has all that waits. Whichever server
somebody comes to sends it, and the others forget it with the `pong`. The numbers are the same on
all, so what was sent twice is known.
"""

import itertools
import logging
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from chat_server.identity.accounts import Accounts
from chat_server.identity.participant import Participant
from chat_server.identity.roles import Role
from chat_server.identity.store.late_store import LateStore
from chat_server.identity.store.records import KeptDirect
from chat_server.identity.throttle import Throttle
from chat_server.rooms.codec import Broadcast
from chat_server.rooms.people.registry import Registry
from chat_server.rooms.people.session import Client, Session
from chat_server.rooms.policy import PersonKey, person_key, person_keys
from chat_server.runtime.claims import Claims
from chat_server.runtime.clock import Clock
from chat_server.runtime.config.settings import LiveSettings
from chat_server.runtime.errors import StoreError
from chat_server.runtime.timers import Timers
from protocol.errors import Code, ProtocolError
from protocol.messages import Direct, ServerPing

log = logging.getLogger(__name__)

SENDER_LIMIT = 20
"""How many messages of one person may wait, for whomever."""
TOTAL_LIMIT = 5_000
"""How many may wait in all: 80 MB of the longest texts."""
REFUSALS_LIMIT = 20_000
"""How many people may have said that they want none."""
PRUNE_INTERVAL = 600.0
"""Seconds between two looks for messages that have waited for too long."""
_AT_ONCE = 10
"""Messages that are followed by one ping."""

_FREE_TO_KEEP = 200
"""Messages from one address, before they must be further apart: 7 of each of 30 people behind it.
"""


class Away(NamedTuple):
    """Somebody who is not here, and for whom a message can be kept.

    Attributes:
        who: the person.
        nick: as the server writes it.
        role: what they may do.
    """

    who: PersonKey
    nick: str
    role: Role


class LateMessages:
    """The messages that wait. Any thread may call any method."""

    def __init__(
        self,
        settings: LiveSettings,
        clock: Clock,
        timers: Timers,
        store: LateStore,
        registry: Registry,
        accounts: Accounts,
    ) -> None:
        """
        Args:
            settings: how long messages wait, and how many.
            clock: what time it is.
            timers: says when to look for messages that have waited for too long.
            store: keeps them.
            registry: who is here.
            accounts: whose a nick is.

        Raises:
            StoreError: what is kept cannot be read.
        """
        self._settings = settings
        self._clock = clock
        self._timers = timers
        self._store = store
        self._registry = registry
        self._accounts = accounts
        self._throttle = Throttle(
            clock,
            free=_FREE_TO_KEEP,
            rule="too many direct messages for people who are away came from your address",
        )
        self._claims = Claims()  # people who say whether they want messages
        # Guards what follows. It is held while messages are put into an outbox, so that none is put
        # in twice and `_sent` has their order, and not while the store is used. Registry's and
        # Outbox's locks are taken under it.
        self._lock = threading.Lock()
        self._waiting: dict[PersonKey, dict[int, KeptDirect]] = {}  # by number, without texts
        self._of_sender: Counter[PersonKey] = Counter()  # with those that are being kept
        self._being_kept: Counter[PersonKey] = Counter()  # by recipient
        self._being_read: dict[int, object] = {}  # numbers of those to be sent, and by which thread
        # Those whose recipient has yet to answer the ping, and in which order they were sent.
        self._sent: dict[int, int] = {}
        self._orders = itertools.count()
        self._refusing = set(store.refusing())
        for kept in store.all():
            self._note(kept)
            self._of_sender[kept.sender] += 1

    def start(self) -> None:
        """Look for messages that have waited for too long, from now on."""
        self._timers.call_later(0.0, self._prune)

    # -- sending

    def away(self, nick: str) -> Away | None:
        """Return who has a nick and is not here under it; None if nothing can be kept for them.

        Args:
            nick: as normalize_nick returned it.
        """
        if self._settings.now.keep_direct is None:
            return None
        account = self._accounts.find(nick)
        if account is not None:
            role = self._accounts.role_of_account(account)
            found = Away(f"@{account.number}", account.name, role)
        else:
            awaited = self._registry.awaited(nick)
            if awaited is None:
                return None
            found = Away(awaited[0].hex(), nick, awaited[1])
        with self._lock:
            return None if found.who in self._refusing else found

    def keep(self, away: Away, sender: Participant, host: str, text: str, *, bot: bool) -> bool:
        """Keep a message; return False, having done nothing, if its recipient is here by now.

        Args:
            away: for whom it is.
            sender: who sends it.
            host: the address that it comes from, without a port.
            text: as normalize_text returned it.
            bot: whether a bot sends it.

        Raises:
            ProtocolError: `unavailable`, `rate_limited`: too many wait.
            StoreError: it could not be kept.
        """
        settings, now = self._settings.now, self._clock.time()
        wait = settings.keep_direct or 0.0
        kept = KeptDirect(0, away.who, person_key(sender), sender.nick, text, bot, now, now + wait)
        if not self._store.decided(lambda: self._keep(away, kept, host, settings.direct_waiting)):
            return False
        self._send_if_here(away.who)
        return True

    def _keep(self, away: Away, kept: KeptDirect, host: str, limit: int) -> bool:
        with self._lock:
            if self._registry.connected(away.who) is not None:
                return False
            self._check_space(away, kept, limit)
            self._throttle.begin(host)
            self._being_kept[away.who] += 1
            self._of_sender[kept.sender] += 1
        number = None
        try:
            number = self._store.add(kept)
        finally:
            with self._lock:
                _take_one(self._being_kept, away.who)
                if number is None:
                    self._throttle.right(host)  # it is not kept, or decided upon again
                    _take_one(self._of_sender, kept.sender)
                else:
                    self._note(kept._replace(number=number, text=""))
        return True

    def _send_if_here(self, who: PersonKey) -> None:
        """Send what waits for somebody who came in before it was noted."""
        session = self._registry.connected(who)
        if session is not None:
            try:
                self._send(session)
            except StoreError as error:  # it is sent when they come in again
                log.error("a direct message for %s could not be read: %s", session.nick, error)

    # -- receiving

    def deliver(self, session: Session) -> None:
        """Send somebody who has just come in, or logged in, what waits for them.

        Raises:
            StoreError: it could not be read.
        """
        with self._lock:
            if session.connection is not None:
                session.connection.takes_late = True
            for kept in self._for(session):
                self._sent.pop(kept.number, None)
                self._being_read.pop(kept.number, None)  # for a connection of before
        self._send(session)

    def awaits(self, session: Session) -> bool:
        """Return whether something may wait for somebody. It takes no lock."""
        return not self._waiting.keys().isdisjoint(person_keys(session))

    def confirm(self, session: Session, pong: int) -> None:
        """Note that somebody answered a ping: what was sent ahead of it is read.

        Raises:
            StoreError: that could not be kept: it is sent again on the next connection.
        """
        with self._lock:
            last = self._sent.get(pong - 1, -1)
            read = [each.number for each in self._for(session)]
            read = [number for number in read if self._sent.get(number, last + 1) <= last]
        if read:
            self._remove(read)
            self._send(session)

    def waits(self, session: Session, pong: int) -> bool:
        """Return whether a pong may answer the ping behind messages. It takes no lock."""
        return any(pong - 1 in self._waiting.get(who, ()) for who in person_keys(session))

    # -- who wants none

    def is_wanted(self, session: Session) -> bool:
        """Return whether messages are kept for somebody while they are away."""
        with self._lock:
            return person_key(session) not in self._refusing

    def want(self, session: Session, *, wanted: bool) -> None:
        """Keep messages for somebody while they are away, or refuse them.

        Raises:
            ProtocolError: `unavailable`: too many have refused them.
            StoreError: all is as it was.
        """
        who = person_key(session)
        with self._claims.of(who):
            with self._lock:
                if wanted == (who not in self._refusing):
                    return
                if not wanted and len(self._refusing) >= REFUSALS_LIMIT:
                    raise ProtocolError(
                        Code.UNAVAILABLE,
                        f"{REFUSALS_LIMIT} people want no late messages, the most that are "
                        "remembered",
                    )
            if wanted:
                self._store.accept(who)
            else:
                self._store.refuse(who, self._clock.time())
            self.follow_refusal(who, wanted=wanted)

    def forget_account(self, number: int) -> None:
        """Forget what waits for an account that is gone.

        Raises:
            StoreError: it is still there, and nobody's.
        """
        with self._lock:
            numbers = list(self._waiting.get(f"@{number}", ()))
        self._remove(numbers)

    # -- what another server has done

    def follow_kept(self, kept: KeptDirect) -> None:
        """Let a message wait here that another server keeps, or send it to who is here by now."""
        with self._lock:
            self._note(kept._replace(text=""))
            self._of_sender[kept.sender] += 1
        self._send_if_here(kept.recipient)

    def follow_removed(self, numbers: Iterable[int]) -> None:
        """Let messages wait no more."""
        gone = set(numbers)
        with self._lock:
            for number in gone:
                self._sent.pop(number, None)
            for who, waiting in list(self._waiting.items()):
                for number in gone & waiting.keys():
                    _take_one(self._of_sender, waiting[number].sender)
                    del waiting[number]
                if not waiting:
                    del self._waiting[who]

    def follow_refusal(self, who: PersonKey, *, wanted: bool) -> None:
        """Let somebody want messages, or none."""
        with self._lock:
            if wanted:
                self._refusing.discard(who)
            else:
                self._refusing.add(who)

    def follow_all(self) -> None:
        """Let whatever is kept wait, and nothing else.

        Raises:
            StoreError: it could not be read; all is as it was.
        """
        kept, refusing = self._store.all(), set(self._store.refusing())
        with self._lock:
            self._refusing = refusing
            self._waiting.clear()
            self._of_sender.clear()
            self._sent.clear()
            for each in kept:
                self._note(each)
                self._of_sender[each.sender] += 1
        for who in {each.recipient for each in kept}:
            self._send_if_here(who)

    # -- below

    def _check_space(self, away: Away, kept: KeptDirect, limit: int) -> None:
        assert self._lock.locked()
        waiting = len(self._waiting.get(kept.recipient, ())) + self._being_kept[kept.recipient]
        if waiting >= limit:
            raise _full(f"{limit} messages wait for {away.nick!r} already, the most that are kept")
        if self._of_sender[kept.sender] >= SENDER_LIMIT:
            raise _full(
                f"{SENDER_LIMIT} of your messages wait for people who are away, the most that are "
                "kept of one person"
            )
        if self._of_sender.total() >= TOTAL_LIMIT:
            raise _full(f"{TOTAL_LIMIT} messages wait for people who are away, the most there may")

    def _for(self, session: Session) -> Iterator[KeptDirect]:
        """What waits for somebody, without the texts."""
        assert self._lock.locked()
        for who in person_keys(session):
            yield from self._waiting.get(who, {}).values()

    def _send(self, session: Session) -> None:
        """Send what waits and nobody sends yet, as much as the connection takes.

        Raises:
            StoreError: it could not be read.
        """
        reader, now = object(), self._clock.time()
        with self._lock:
            connection = session.connection
            if connection is None or not connection.takes_late:
                return  # `deliver` is yet to come
            if self._waiting.keys().isdisjoint(person_keys(session)):
                return  # nearly always, and in the deepest call of a hello: no generator
            numbers = sorted(
                kept.number
                for kept in self._for(session)
                if kept.number not in self._sent
                and kept.number not in self._being_read
                and now < kept.until
            )
            self._being_read.update(dict.fromkeys(numbers, reader))
        if not numbers:
            return
        found: list[KeptDirect] = []
        try:
            found = self._store.find(numbers)
        finally:
            with self._lock:
                own = {number for number in numbers if self._being_read.get(number) is reader}
                for number in own:
                    del self._being_read[number]
                self._put(connection, session, [kept for kept in found if kept.number in own])

    def _put(self, connection: Client, session: Session, found: list[KeptDirect]) -> None:
        """Put messages into the outbox of a connection, with pings, until it takes no more."""
        assert self._lock.locked()
        for start in range(0, len(found), _AT_ONCE):
            batch = found[start : start + _AT_ONCE]
            directs = [_direct(kept, session.nick) for kept in batch]
            ping = ServerPing(id=batch[-1].number + 1)
            if not connection.outbox.put_if_short(Broadcast(*directs, ping)):
                return  # the rest when these are confirmed
            self._sent.update(dict.fromkeys((kept.number for kept in batch), next(self._orders)))

    def _note(self, kept: KeptDirect) -> None:
        self._waiting.setdefault(kept.recipient, {})[kept.number] = kept

    def _remove(self, numbers: list[int]) -> None:
        """Forget messages, in the store and in memory.

        Raises:
            StoreError: all is as it was.
        """
        if not numbers:
            return
        self._store.remove(numbers)
        self.follow_removed(numbers)

    def _prune(self) -> None:
        """On the timers' thread: forget what has waited for too long, now and later."""
        now = self._clock.time()
        with self._lock:
            old = [
                kept.number
                for waiting in self._waiting.values()
                for kept in waiting.values()
                if kept.until <= now
            ]
        try:
            self._remove(old)
        except StoreError as error:
            log.error("direct messages that waited for too long are still there: %s", error)
        self._timers.call_later(PRUNE_INTERVAL, self._prune)


def _take_one(counts: Counter[PersonKey], who: PersonKey) -> None:
    """Count one less of somebody, who is forgotten when none is left."""
    counts[who] -= 1
    if not counts[who]:
        del counts[who]


def _direct(kept: KeptDirect, nick: str) -> Direct:
    return Direct(
        time=kept.time,
        from_=kept.nick,
        to=nick,
        text=kept.text,
        bot=kept.bot,
        late=kept.number,
    )


def _full(text: str) -> ProtocolError:
    return ProtocolError(Code.UNAVAILABLE, f"{text}: try again later")
