"""Who is banned and who is muted, and until when. In memory; the store keeps them.

Somebody is recognised by anything that they bring: the nick or one that looks like it, the
session, the account, the address. What a sanction names of these was found when it was made, so a
new nick is no way out.

**Time.** When a sanction ends is kept as a date, for it outlives the server; while the server runs
it is a moment of the clock that never jumps. So a clock that is set while the server runs changes
nothing, and one that was set back while it did not makes a sanction last no longer than it was to
last from the start.
"""

import heapq
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from ipaddress import (
    IPv4Address,
    IPv6Address,
    ip_network,
)
from typing import Literal, NamedTuple

from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import Sanction
from chat_server.network.addresses import host_address
from chat_server.runtime.clock import Clock
from chat_server.runtime.config.settings import IpNetwork
from protocol.errors import Code, ProtocolError
from protocol.text import nick_skeleton

IpAddress = IPv4Address | IPv6Address
Kind = Literal["ban", "mute"]

SANCTIONS_LIMIT = 10_000
"""How many may be in force: each takes about a kilobyte."""

_Name = tuple[object, ...]


class Person(NamedTuple):
    """All that somebody can be recognised by.

    Attributes:
        key: what the nick is compared by.
        looks: the nick's skeleton.
        token: the hash of the session's secret.
        account: its number, where the session is logged in.
        address: None on a Unix socket.
    """

    key: str
    looks: str
    token: bytes
    account: int | None
    address: IpAddress | None


class Sought(NamedTuple):
    """Whom a moderator names. One of the three is given."""

    key: str | None = None
    account: int | None = None
    network: IpNetwork | None = None


class Sanctions:
    """The bans and mutes that are in force. Any thread may call any method.

    Attributes:
        version: another after every change, for who remembers an answer. Read without the lock:
            an older one is as good as having asked a moment before.
    """

    def __init__(self, clock: Clock, kept: Iterable[Sanction] = ()) -> None:
        """
        Args:
            clock: what they end by.
            kept: those of earlier runs.
        """
        self._clock = clock
        self.version = 0
        # Guards all below. A leaf.
        self._lock = threading.Lock()
        self._sanctions: dict[int, Sanction] = {}
        self._ends: dict[int, float] = {}  # by number, in the clock's monotonic seconds
        self._due: list[tuple[float, int]] = []  # the same as a heap; what was lifted stays in it
        # What a sanction names, to the numbers of those that do. So finding one takes as long
        # among thousands as among two: a step for each kind, and for each size of network.
        self._numbers: defaultdict[_Name, set[int]] = defaultdict(set)
        self._sizes: dict[tuple[int, int], int] = {}  # (IP version, prefix): how many networks
        for sanction in kept:
            self._put(sanction)

    def add(self, sanction: Sanction) -> None:
        """Let a sanction be in force."""
        with self._lock:
            self._put(sanction)
            self.version += 1

    def check_space(self) -> None:
        """See that there may be one more.

        Raises:
            ProtocolError: `unavailable`.
        """
        with self._lock:
            self._forget_ended()
            if len(self._sanctions) < SANCTIONS_LIMIT:
                return
        raise ProtocolError(
            Code.UNAVAILABLE,
            f"there are {SANCTIONS_LIMIT} bans and mutes, the most that are kept: lift some first",
        )

    def remove(self, numbers: Iterable[int]) -> None:
        """Lift sanctions."""
        with self._lock:
            for number in numbers:
                self._drop(number)
            self.version += 1

    def replace(self, kept: Iterable[Sanction]) -> None:
        """Let hold whatever is kept, and nothing else."""
        with self._lock:
            for number in list(self._sanctions):
                self._drop(number)
            for sanction in kept:
                self._put(sanction)
            self.version += 1

    def find(self, kind: Kind, person: Person, *, exactly: bool = False) -> Sanction | None:
        """Return what holds for `person`: of several, the one that ends last.

        Args:
            kind: a ban or a mute.
            person: who is asked about.
            exactly: by what is nobody else's: neither an address nor the looks of a nick.
        """
        with self._lock:
            if not self._sanctions:
                return None
            self._forget_ended()
            found: set[int] = set()
            for name in _names_of(person, self._sizes, exactly=exactly):
                found.update(self._numbers.get((kind, *name), ()))
            last = max(found, key=self._end, default=None)
            return None if last is None else self._sanctions[last]

    def made_of(self, kind: Kind, sought: Sought) -> list[Sanction]:
        """Return the sanctions that were made of what is sought: what lifting it lifts."""
        with self._lock:
            self._forget_ended()
            numbers = self._numbers.get((kind, *_sought_name(sought)), ())
            return [self._sanctions[number] for number in sorted(numbers)]

    def all(self) -> list[Sanction]:
        """Return all, in the order of their numbers."""
        with self._lock:
            self._forget_ended()
            return [self._sanctions[number] for number in sorted(self._sanctions)]

    def means_session(self, token: bytes) -> bool:
        """Return whether a sanction names the session whose secret has this hash."""
        with self._lock:
            return any((kind, "token", token) in self._numbers for kind in ("ban", "mute"))

    def left(self, sanction: Sanction) -> float | None:
        """Return for how many seconds more a sanction holds; None if it does not end."""
        with self._lock:
            end = self._ends.get(sanction.number)
            return None if end is None else max(0.0, end - self._clock.monotonic())

    # -- with the lock held

    def _put(self, sanction: Sanction) -> None:
        if sanction.until is not None:
            left = seconds_left(sanction.time, sanction.until, self._clock)
            end = self._ends[sanction.number] = self._clock.monotonic() + left
            heapq.heappush(self._due, (end, sanction.number))
            if len(self._due) > 2 * len(self._ends) + 100:  # most of it was lifted
                self._due = sorted((end, number) for number, end in self._ends.items())
        self._sanctions[sanction.number] = sanction
        for name in _names_in(sanction):
            self._numbers[sanction.act, *name].add(sanction.number)
        size = _size(sanction)
        if size is not None:
            self._sizes[size] = self._sizes.get(size, 0) + 1

    def _drop(self, number: int) -> None:
        assert self._lock.locked()
        sanction = self._sanctions.pop(number, None)
        if sanction is None:
            return
        self._ends.pop(number, None)
        for name in _names_in(sanction):
            having = self._numbers[sanction.act, *name]
            having.discard(number)
            if not having:
                del self._numbers[sanction.act, *name]
        size = _size(sanction)
        if size is not None:
            self._sizes[size] -= 1
            if not self._sizes[size]:
                del self._sizes[size]

    def _forget_ended(self) -> None:
        assert self._lock.locked()
        now = self._clock.monotonic()
        while self._due and self._due[0][0] <= now:
            self._drop(heapq.heappop(self._due)[1])

    def _end(self, number: int) -> float:
        return self._ends.get(number, float("inf"))


def read_sanctions(people: PeopleStore, clock: Clock) -> Sanctions:
    """Return those that are kept and in force.

    Args:
        people: keeps them, and forgets those that have ended if they are many.
        clock: what they end by.

    Raises:
        StoreError: they could not be read.
    """
    kept = people.sanctions()
    sanctions = Sanctions(clock, kept)
    if len(kept) > SANCTIONS_LIMIT:  # no sooner: the clock may only be wrong this time
        in_force = {sanction.number for sanction in sanctions.all()}
        people.remove_sanctions([each.number for each in kept if each.number not in in_force])
    return sanctions


def seconds_left(since: float, until: float, clock: Clock) -> float:
    """Return for how many seconds from now something holds that was to hold until a date.

    Never longer than it was to hold from the start: the clock may have been set back.

    Args:
        since: when it began, in Unix seconds.
        until: when it is to end, in Unix seconds.
        clock: what time it is.
    """
    return max(0.0, min(until - clock.time(), until - since))


def read_network(who: str) -> IpNetwork | None:
    """Return the addresses that somebody named, or None if it reads as something else.

    `10.1.2.3/16` is the network that the address is in.
    """
    address = host_address(who)
    if address is not None:
        return ip_network(address)
    if "/" not in who:
        return None
    try:
        network = ip_network(who, strict=False)
    except ValueError:
        return None
    start = _unwrapped(network.network_address)
    if start.version < network.version and network.prefixlen >= 96:
        return ip_network((int(start), network.prefixlen - 96))
    return network


def shown_network(network: IpNetwork) -> str:
    """Return a network as a person writes it: one address without its `/32`."""
    return str(network.network_address if network.num_addresses == 1 else network)


def _unwrapped(address: IpAddress) -> IpAddress:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _names_of(
    person: Person, sizes: Iterable[tuple[int, int]], *, exactly: bool
) -> Iterator[_Name]:
    """Everything by which a sanction could mean `person`, where networks have these sizes."""
    yield "key", person.key
    yield "token", person.token
    if person.account is not None:
        yield "account", person.account
    if exactly:
        return
    yield "looks", person.looks
    address = person.address
    if address is not None:
        for version, prefix in sizes:
            if version == address.version:
                yield _network_name(version, prefix, int(address), address.max_prefixlen)


def _names_in(sanction: Sanction) -> Iterator[_Name]:
    """What a sanction is found by."""
    if sanction.key is not None:
        yield "key", sanction.key
        yield "looks", nick_skeleton(sanction.who)
    if sanction.token is not None:
        yield "token", sanction.token
    if sanction.account is not None:
        yield "account", sanction.account
    if sanction.network is not None:
        yield _name_of_network(ip_network(sanction.network))


def _sought_name(sought: Sought) -> _Name:
    if sought.network is not None:
        return _name_of_network(sought.network)
    if sought.account is not None:
        return "account", sought.account
    return "key", sought.key


def _name_of_network(network: IpNetwork) -> _Name:
    return _network_name(
        network.version, network.prefixlen, int(network.network_address), network.max_prefixlen
    )


def _network_name(version: int, prefix: int, address: int, length: int) -> _Name:
    return "network", version, prefix, address >> (length - prefix)


def _size(sanction: Sanction) -> tuple[int, int] | None:
    if sanction.network is None:
        return None
    network = ip_network(sanction.network)
    return network.version, network.prefixlen
