"""Who has the floor in which room: it is given, named by the rules of the room, or given back."""

from collections.abc import Callable
from functools import partial

from chat_server.identity.participant import Participant
from chat_server.identity.store.records import Act, KeptHand
from chat_server.moderation.hands.hand import Hand, UpHand
from chat_server.moderation.hands.hands_up import own
from chat_server.moderation.hands.kept_hands import KeptHands
from chat_server.rooms.policy import PersonKey, person_key
from chat_server.runtime.clock import Clock


class FloorBook:
    """The floors. Any thread may call any method."""

    def __init__(self, kept: KeptHands, clock: Clock) -> None:
        """
        Args:
            kept: the hands, with those that have the floor.
            clock: for when somebody got it.
        """
        self._kept = kept
        self._up = kept.up
        self._clock = clock

    def of(self, room: str) -> UpHand | None:
        """Return the hand of who has the floor in a room."""
        if room not in self._up.floors:  # nearly always
            return None
        with self._up.lock:
            return next((hand.entry() for hand in self._up.floor(room)), None)

    def names(self, room: str) -> frozenset[PersonKey]:
        """Return all names of who has the floor in a room, as far as they are known."""
        floor = self.of(room)
        return frozenset() if floor is None else floor.names

    def give(
        self,
        room: str,
        here: frozenset[PersonKey],
        is_muted: Callable[[UpHand], bool],
        did: Callable[[UpHand | None], Act],
    ) -> tuple[UpHand | None, UpHand | None]:
        """Give the floor to the first in a queue who is in the room, and take it from who had it.

        Args:
            room: its name.
            here: all names of those who are in the room.
            is_muted: returns whether somebody may say nothing: then nobody reads their question.
            did: returns the line of the audit log for who gets it, or for that nobody does.

        Returns: who had it, and who has it now. If neither, nothing was done. Whose hand is taken
            down on the way, as everybody may speak again, does not get it.

        Raises:
            StoreError: nothing has changed.
        """

        def give() -> tuple[UpHand | None, UpHand | None]:
            with self._up.lock:
                had, queue = self._up.floor(room), self._up.queue(room)
                given = next((hand for hand in queue if hand.entry().names & here), None)
            entry = None if given is None else given.entry()
            if not had and entry is None:
                return None, None
            if entry is not None and entry.question and is_muted(entry):
                entry = entry._replace(question="")
            number, question = (given.number, entry.question) if given and entry else (None, "")
            taken = [hand.number for hand in had]
            self._kept.people.move_floor(taken, number, question, did(entry))
            with self._up.lock:
                self._up.floors.pop(room, None)
                if given is not None and given in self._up.queue(room):
                    given.question = question
                    self._up.drop([given])
                    self._up.floors[room] = given
                else:
                    entry = None
            return next((hand.entry() for hand in had), None), entry

        with self._kept.claims.of(room):
            return self._kept.decided(give)

    def name_speaker(self, room: str, session: Participant | None) -> bool:
        """Note that somebody, or nobody, has the floor in a room, whose rules say so.

        A hand of theirs stays in the queue.

        Returns: whether another had it before.

        Raises:
            StoreError: nothing has changed.
        """
        with self._kept.claims.of(room):
            changed = self._kept.decided(partial(self._name_speaker, room, session))
        self._kept.tidy()
        return changed

    def _name_speaker(self, room: str, session: Participant | None) -> bool:
        """With the room claimed: the same."""
        if session is None:
            return bool(self._kept.take_down(lambda: self._up.floor(room)))
        with self._up.lock:
            before, raised = self._up.floor(room), own(self._up.queue(room), session)
        if own(before, session):
            return False
        kept = KeptHand(
            0,
            room,
            person_key(session),
            session.token,
            session.nick,
            self._clock.time(),
            raised[0].question if raised else "",
            floor=True,
        )
        number = self._kept.people.add_hand(kept, [hand.number for hand in before])
        with self._up.lock:
            self._up.floors[room] = Hand.of(kept._replace(number=number), session)
        return True

    def give_back(self, room: str, session: Participant) -> bool:
        """Take the floor from somebody who gives it back. Return whether they had it.

        Raises:
            StoreError: several servers share it, and they still have it.
        """
        if not self._kept.may_have(room, self._up.floors):  # nearly always
            return False
        with self._kept.claims.of(room):
            taken = self._kept.decided(
                lambda: self._kept.take_down(lambda: own(self._up.floor(room), session))
            )
        self._kept.tidy()
        return bool(taken)
