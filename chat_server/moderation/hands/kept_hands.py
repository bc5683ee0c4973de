"""How hands change in the store and in memory, and what other servers have changed.

Each change is made in the store first and in memory second. Where several servers share the hands,
whatever is decided is decided upon what all have written (`PeopleStore.decided`), and nothing is
changed that cannot be kept. What others wrote is looked at first, all that came together at once.
"""

import logging
from collections.abc import Callable, Container, Sequence
from typing import TypeVar

from chat_server.identity.store.people_store import PeopleStore
from chat_server.moderation.hands.hand import Hand, HandNews
from chat_server.moderation.hands.hands_up import HandsUp
from chat_server.runtime.claims import Claims
from chat_server.runtime.errors import StoreError

log = logging.getLogger(__name__)

Result = TypeVar("Result")


class KeptHands:
    """The hands in the store and in memory. Any thread may call any method.

    Attributes:
        people: the store.
        up: the hands in memory.
        claims: rooms whose floor or whose hands are changed, in the store and in memory; and, ahead
            of that, a room together with a name of somebody who raises a hand or takes it down
            there.
    """

    def __init__(self, people: PeopleStore) -> None:
        """
        Args:
            people: keeps the hands, and has those of earlier runs.

        Raises:
            StoreError: they could not be read.
        """
        self.people = people
        self.up = HandsUp()
        self.claims = Claims()
        # Guarded by `HandsUp.lock`.
        self._leftovers: list[int] = []  # hands that are down and perhaps still in the store
        self._is_stale = False  # another server has written, and nobody has looked at that yet
        self._news: list[HandNews] = []  # what others have changed, which nobody here was told
        with self.up.lock:
            self.up.take_in(people.hands())

    def note_written(self) -> None:
        """Note that another server has changed hands. They are looked at before they are used."""
        with self.up.lock:
            self._is_stale = True

    def catch_up(self) -> None:
        """Know what other servers have written until now.

        Raises:
            StoreError: they could not be asked.
        """
        self.people.catch_up()
        self.people.decided(self._look)

    def take_news(self) -> list[HandNews]:
        """Return what other servers have changed, each change once."""
        self.people.decided(self._look)
        with self.up.lock:
            news, self._news = self._news, []
            return news

    def decided(self, decide: Callable[[], Result]) -> Result:
        """Decide upon what all have written, write it, and return what `decide` returns.

        See PeopleStore.decided.
        """

        def look_and_decide() -> Result:
            self._look()
            return decide()

        return self.people.decided(look_and_decide)

    def may_have(self, room: str, rooms: Container[str]) -> bool:
        """Return whether a room may be among `rooms`, those of `up.queues` or `up.floors`."""
        return room in rooms or self._is_stale

    def take_down(self, choose: Callable[[], Sequence[Hand]]) -> Sequence[Hand]:
        """Take down the hands that `choose` returns, and return them. Part of a decision.

        Where several servers share them, they are down once that is kept. Else the store learns of
        it with the next `tidy`.

        Args:
            choose: is called with `HandsUp.lock` held.

        Raises:
            StoreError: several servers share them, and all are as they were.
        """
        with self.up.lock:
            down = choose()
            if not self.people.is_shared:
                self.up.drop(down)
                self._leftovers += [hand.number for hand in down]
                return down
        if down:
            self.people.remove_hands([hand.number for hand in down])
            with self.up.lock:
                self.up.drop(down)
        return down

    def tidy(self) -> None:
        """Let the store forget the hands that are down."""
        with self.up.lock:
            numbers, self._leftovers = self._leftovers, []
        if numbers:
            self._forget(numbers)

    def _look(self) -> None:
        """Know what other servers have written, if they have. Part of each decision."""
        with self.up.lock:
            was_stale, self._is_stale = self._is_stale, False
        if not was_stale:
            return
        try:
            kept = self.people.hands()
        except StoreError:
            self.note_written()
            raise
        with self.up.lock:
            self._news += self.up.take_in(kept)

    def _forget(self, numbers: list[int]) -> None:
        """Let the store forget hands that are down, now or with the next `tidy`."""
        try:
            self.people.remove_hands(numbers)
        except StoreError as error:
            log.error("hands that are down are not forgotten for now: %s", error)
            with self.up.lock:
                self._leftovers += numbers
