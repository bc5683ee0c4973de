"""A queue in which parties take turns, so that who puts much in it waits longer than others.

A party is a client at an address. The addresses take turns, and so do the clients of each: whoever
puts one thing in waits for one thing of each other address, and of each other client of its own,
however much those have put in, and however many clients another address has.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

Item = TypeVar("Item")


class Party(NamedTuple):
    """Whose something is.

    Attributes:
        address: of the client, or the network that counts as one; "" is the server itself.
        client: one of those at the address, compared by identity.
    """

    address: str
    client: Hashable = None


SERVER_ITSELF = Party("")


class RoundRobin(Generic[Item]):
    """The queue. Not thread-safe: its user guards it with a lock.

    Attributes:
        parties: how many have something in it.
        size: how many things are in it. As `len` says, for where each call counts.
    """

    __slots__ = ("_addresses", "parties", "size")

    def __init__(self) -> None:
        # The first to be served stands first, in both.
        self._addresses: OrderedDict[str, OrderedDict[Hashable, deque[Item]]] = OrderedDict()
        self.size = 0
        self.parties = 0

    def __len__(self) -> int:
        return self.size

    def put(self, party: Party, item: Item) -> None:
        """Put an item behind those of its party."""
        clients = self._addresses.setdefault(party.address, OrderedDict())
        items = clients.get(party.client)
        if items is None:
            items = clients[party.client] = deque()
            self.parties += 1
        items.append(item)
        self.size += 1

    def take(self) -> Item:
        """Take the next item. There must be one."""
        address, clients = next(iter(self._addresses.items()))
        client, items = next(iter(clients.items()))
        item = items.popleft()
        self.size -= 1
        clients.move_to_end(client)
        self._addresses.move_to_end(address)
        if not items:
            self._drop(address, client)
        return item

    def take_where(self, may: Callable[[str], bool]) -> Item | None:
        """Take the next item of an address that may have its turn; None if none of them may."""
        for _ in range(len(self._addresses)):
            address = next(iter(self._addresses))
            if may(address):
                return self.take()
            self._addresses.move_to_end(address)
        return None

    def remove(self, party: Party, item: Item) -> bool:
        """Take an item out of its turn. Return whether it was in."""
        clients = self._addresses.get(party.address)
        items = clients.get(party.client) if clients else None
        if items is None or item not in items:
            return False
        items.remove(item)
        self.size -= 1
        if not items:
            self._drop(party.address, party.client)
        return True

    def drop_from_largest(self) -> Item:
        """Take the first item of the client who has the most, of the address that has the most.

        There must be one. This is how a full queue makes room at the cost of who filled it.
        """
        address, clients = max(
            self._addresses.items(), key=lambda each: sum(map(len, each[1].values()))
        )
        client, items = max(clients.items(), key=lambda each: len(each[1]))
        item = items.popleft()
        self.size -= 1
        if not items:
            self._drop(address, client)
        return item

    def _drop(self, address: str, client: Hashable) -> None:
        """Forget a party that has nothing in it."""
        clients = self._addresses[address]
        del clients[client]
        self.parties -= 1
        if not clients:
            del self._addresses[address]
