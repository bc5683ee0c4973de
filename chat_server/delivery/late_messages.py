"""Direct messages for people who are away: kept, and delivered when they are back.

A message waits for an account, or for a session that was lost a moment ago and may come back. It is
in the store, its text there alone; who waits for what is in memory as well.

Delivered once: behind the messages the server sends a `ping` whose id is one more than the number
of the last of them, and deletes them when its `pong` is there. Whoever sends that has read them. If
the connection breaks in between, they are sent again on the next one, under the same numbers, by
which a client knows that it has them.

Who comes back registers first and asks second (`deliver`); who sends looks again whether they are
here, with the lock held, before the message is kept. So whoever is second sees what the other did.
"""

import logging
import threading
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from chat_server.identity.accounts import Accounts
from chat_server.identity.participant import Participant
from chat_server.identity.roles import Role
from chat_server.identity.store.late_store import LateStore
from chat_server.identity.store.records import KeptDirect
from chat_server.identity.throttle import Throttle
from chat_server.rooms.codec import Broadcast
from chat_server.rooms.people.registry import Registry
from chat_server.rooms.people.session import Session
from chat_server.rooms.policy import PersonKey, person_key, person_keys
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
        # Guards what follows, and is held while the store is used, so that both change in the same
        # order, and while messages are put into an outbox, so that none is put in twice. Registry's
        # and Outbox's locks are taken under it.
        self._changing = threading.Lock()
        self._waiting: dict[PersonKey, dict[int, KeptDirect]] = {}  # by number, without texts
        self._of_sender: Counter[PersonKey] = Counter()
        self._sent: set[int] = set()  # those whose recipient has yet to answer the ping
        self._refusing = set(store.refusing())
        for kept in store.all():
            self._note(kept)

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
        with self._changing:
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
        with self._changing:
            if self._registry.connected(away.who) is not None:
                return False
            self._check_space(away, kept, settings.direct_waiting)
            self._throttle.begin(host)
            self._note(kept._replace(number=self._store.add(kept), text=""))
        return True

    # -- receiving

    def deliver(self, session: Session) -> None:
        """Send somebody who has just come in, or logged in, what waits for them."""
        with self._changing:
            self._sent.difference_update(kept.number for kept in self._for(session))
            self._send(session)

    def confirm(self, session: Session, pong: int) -> None:
        """Note that somebody answered a ping: what was sent ahead of it is read.

        Raises:
            StoreError: that could not be kept: it is sent again on the next connection.
        """
        with self._changing:
            read = [
                kept.number
                for kept in self._for(session)
                if kept.number < pong and kept.number in self._sent
            ]
            if read:
                self._remove(read)
                self._send(session)

    def waits(self, session: Session, pong: int) -> bool:
        """Return whether a pong may answer the ping behind messages. It takes no lock."""
        return any(pong - 1 in self._waiting.get(who, ()) for who in person_keys(session))

    # -- who wants none

    def is_wanted(self, session: Session) -> bool:
        """Return whether messages are kept for somebody while they are away."""
        with self._changing:
            return person_key(session) not in self._refusing

    def want(self, session: Session, *, wanted: bool) -> None:
        """Keep messages for somebody while they are away, or refuse them.

        Raises:
            ProtocolError: `unavailable`: too many have refused them.
            StoreError: all is as it was.
        """
        who = person_key(session)
        with self._changing:
            if wanted == (who not in self._refusing):
                return
            if wanted:
                self._store.accept(who)
                self._refusing.discard(who)
                return
            if len(self._refusing) >= REFUSALS_LIMIT:
                raise ProtocolError(
                    Code.UNAVAILABLE,
                    f"{REFUSALS_LIMIT} people want no late messages, the most that are remembered",
                )
            self._store.refuse(who, self._clock.time())
            self._refusing.add(who)

    def forget_account(self, number: int) -> None:
        """Forget what waits for an account that is gone.

        Raises:
            StoreError: it is still there, and nobody's.
        """
        with self._changing:
            self._remove(list(self._waiting.get(f"@{number}", ())))

    # -- below, with the lock held

    def _check_space(self, away: Away, kept: KeptDirect, limit: int) -> None:
        assert self._changing.locked()
        if len(self._waiting.get(kept.recipient, ())) >= limit:
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
        assert self._changing.locked()
        for who in person_keys(session):
            yield from self._waiting.get(who, {}).values()

    def _send(self, session: Session) -> None:
        """Send what waits and is not sent yet, as much as the connection takes."""
        assert self._changing.locked()
        connection, now = session.connection, self._clock.time()
        numbers = sorted(
            kept.number
            for kept in self._for(session)
            if kept.number not in self._sent and now < kept.until
        )
        if connection is None or not numbers:
            return
        found = self._store.find(numbers)
        for start in range(0, len(found), _AT_ONCE):
            batch = found[start : start + _AT_ONCE]
            directs = [_direct(kept, session.nick) for kept in batch]
            ping = ServerPing(id=batch[-1].number + 1)
            if not connection.outbox.put_if_short(Broadcast(*directs, ping)):
                return  # the rest when these are confirmed
            self._sent.update(kept.number for kept in batch)

    def _note(self, kept: KeptDirect) -> None:
        self._waiting.setdefault(kept.recipient, {})[kept.number] = kept
        self._of_sender[kept.sender] += 1

    def _remove(self, numbers: list[int]) -> None:
        assert self._changing.locked()
        if not numbers:
            return
        self._store.remove(numbers)
        gone = set(numbers)
        self._sent -= gone
        for who, waiting in list(self._waiting.items()):
            for number in gone & waiting.keys():
                self._of_sender[waiting[number].sender] -= 1
                del waiting[number]
            if not waiting:
                del self._waiting[who]
        self._of_sender += Counter()  # without those of whom none waits

    def _prune(self) -> None:
        """On the timers' thread: forget what has waited for too long, now and later."""
        now = self._clock.time()
        try:
            with self._changing:
                old = [
                    kept.number
                    for waiting in self._waiting.values()
                    for kept in waiting.values()
                    if kept.until <= now
                ]
                self._remove(old)
        except StoreError as error:
            log.error("direct messages that waited for too long are still there: %s", error)
        self._timers.call_later(PRUNE_INTERVAL, self._prune)


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
