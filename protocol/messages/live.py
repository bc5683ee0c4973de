"""What the server does at a moment, for an owner who looks: the parts of `live`.

All of it is a snapshot. What stands in a list is bounded, and a number beside it says how many more
there are.
"""

from collections.abc import Sequence

from msgspec import Struct


class LiveThread(Struct, frozen=True, omit_defaults=True, gc=False):
    """One thread.

    Attributes:
        name: of the thread.
        state: `recv`, `accept`, `select`, `wait`, `lock`, `send`, `sqlite`, `run`; or `unseen`,
            where the interpreter lets nobody look.
        what: the lock that it waits for, as `Outbox._lock`; or the call, or the function.
        where: file and line.
        nick: who is served, on the thread of a connection.
    """

    name: str
    state: str
    what: str = ""
    where: str = ""
    nick: str = ""


class LiveMember(Struct, frozen=True, omit_defaults=True, gc=False):
    """One member of a room.

    Attributes:
        lag: messages of the room that the member's connection was not handed yet.
        waiting: bytes that wait to be sent on that connection.
        behind: whether it reads on from the log, at its own pace.
        held: what an owner does to it on purpose: `suspended` or `delayed`.
    """

    nick: str
    room: str
    lag: int = 0
    waiting: int = 0
    behind: bool = False
    held: str = ""


class LiveLock(Struct, frozen=True, gc=False):
    """A lock that threads were seen waiting for.

    Attributes:
        name: as docs/architecture.md lists it.
        waiting: how many threads wait for it now.
        share: of the latest looks, in how many somebody waited: 0 to 1.
    """

    name: str
    waiting: int
    share: float


class LiveCommit(Struct, frozen=True, gc=False):
    """One transaction.

    Attributes:
        age: seconds since it was stored.
        messages: how many were in it: the batch.
        seconds: how long it took.
    """

    age: float
    messages: int
    seconds: float


class Look(Struct, frozen=True, kw_only=True):
    """What the server does at a moment.

    Attributes:
        time: in Unix seconds.
        every: seconds from one look to the next; longer where a look takes long.
        cost: the share of one processor that looking takes: 0 to 1.
        states: how many threads are in each state.
        threads: the server's own, then connections that do something, then others.
        more_threads: how many are not among them.
        members: those with the largest lag first.
        more_members: how many are not among them.
        lagging: how many members of all have a lag.
        messages: messages a second, over the last second.
        deliveries: the same, one for each member who was handed one.
        drafts: messages that wait to be stored.
        commits: the latest, oldest first.
        locks: that somebody waited for lately, the busiest first.
    """

    time: float
    every: float
    cost: float
    states: dict[str, int]
    threads: Sequence[LiveThread]
    more_threads: int
    members: Sequence[LiveMember]
    more_members: int
    lagging: int
    messages: float
    deliveries: float
    drafts: int
    commits: Sequence[LiveCommit]
    locks: Sequence[LiveLock]
