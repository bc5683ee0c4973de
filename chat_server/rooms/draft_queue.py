"""What was said in a room and waits to be stored: the talkers take turns.

So whoever says one thing waits for a share of each other talker, and not for all that one of them
has sent ahead. What one session says keeps its order. A notice keeps its place among all others:
behind a freeze nothing is stored that was said before it.
"""

from collections import OrderedDict, deque
from typing import Generic, Protocol, TypeVar

SHARE = 16 * 1024
"""Bytes that are stored of one talker before it is another's turn: one of the longest texts."""


class Waiting(Protocol):
    """What can wait here: a Draft."""

    @property
    def session(self) -> object:
        """Whose it is."""
        ...

    @property
    def kind(self) -> str:
        """What it is."""
        ...

    @property
    def cost(self) -> int:
        """What it takes up while it waits, in bytes, roughly."""
        ...


NOTICES = frozenset({"notice", "poll"})
"""Kinds of what a request may leave in several rooms, each once; and in the place of its request
among all that is said there.
"""

AnyDraft = TypeVar("AnyDraft", bound=Waiting)


class DraftQueue(Generic[AnyDraft]):
    """The queue of one room, which guards it with its lock.

    Attributes:
        cost: what all of it takes up, in bytes, roughly.
    """

    __slots__ = ("_size", "_stages", "cost")

    def __init__(self) -> None:
        # What was said between two notices, by talker; a notice stands alone. The talker who is
        # next stands first.
        self._stages: deque[OrderedDict[object, deque[AnyDraft]]] = deque([OrderedDict()])
        self._size = 0
        self.cost = 0

    def __len__(self) -> int:
        return self._size

    def append(self, draft: AnyDraft) -> None:
        """Put a draft behind all of its talker's, and behind the last notice."""
        if draft.kind in NOTICES:
            self._stages.append(OrderedDict([(draft.session, deque([draft]))]))
            self._stages.append(OrderedDict())
        else:
            stage = self._stages[-1]
            drafts = stage.get(draft.session)
            if drafts is None:
                drafts = stage[draft.session] = deque()
            drafts.append(draft)
        self._size += 1
        self.cost += draft.cost

    def take(self, space: int) -> list[AnyDraft]:
        """Take the next drafts, up to the one with which they fill `space`, in bytes."""
        taken: list[AnyDraft] = []
        end = self.cost - space
        while self._size and self.cost > end:
            if self._stages[0]:
                self._take_share(taken, end)
            else:
                self._stages.popleft()
        return taken

    def peek(self) -> AnyDraft:
        """Return the draft that is next. There must be one."""
        drafts = next(talkers for stage in self._stages for talkers in stage.values())
        return drafts[0]

    def _take_share(self, taken: list[AnyDraft], end: int) -> None:
        """Take what the next talker may have stored now, but no more once `cost` is at `end`."""
        stage = self._stages[0]
        session, drafts = next(iter(stage.items()))
        end = max(end, self.cost - SHARE)
        while drafts and self.cost > end:
            draft = drafts.popleft()
            self.cost -= draft.cost
            self._size -= 1
            taken.append(draft)
        if drafts:
            stage.move_to_end(session)
        else:
            del stage[session]
