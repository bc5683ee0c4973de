"""What the store of people keeps, one record for each kind of row.

`people_store` writes and reads them; everybody else passes them round. They are immutable.
"""

from typing import Literal, NamedTuple

from chat_server.identity.roles import Role


class Account(NamedTuple):
    """A nick that belongs to somebody.

    Attributes:
        number: never another's.
        name: the nick as it is shown.
        key: what nicks are compared by.
        hash: of the password.
        role: what those may do who are logged in to it.
        changes: how often the password was changed since the server was started: who showed the
            one before shows it again. Kept nowhere.
    """

    number: int
    name: str
    key: str
    hash: str
    role: Role
    changes: int = 0


class Membership(NamedTuple):
    """What is kept of a session here: the account it is logged in to, and a role of its own."""

    account: int | None
    role: Role


class Sanction(NamedTuple):
    """A ban or a mute, of whoever has any of `key`, `account`, `token` and `network`.

    Attributes:
        number: counts up; 0 for one that is not kept yet.
        act: which of the two.
        who: as the moderator said it, to be shown.
        key: what a nick is compared by.
        account: its number.
        token: the hash of a session's secret.
        network: in CIDR notation; a single address is the smallest.
        until: Unix seconds; None if it has no end.
        reason: a line, or "".
        by: the moderator's nick.
        time: Unix seconds.
    """

    number: int
    act: Literal["ban", "mute"]
    who: str
    key: str | None
    account: int | None
    token: bytes | None
    network: str | None
    until: float | None
    reason: str
    by: str
    time: float


class KeptKick(NamedTuple):
    """Whose connections are ended, whichever server they are on: who has any of the first three.

    Attributes:
        key: what a nick is compared by.
        account: its number.
        network: in CIDR notation.
        role: of who does it.
        by: the nick of that one.
        reason: a line, or "".
    """

    key: str | None
    account: int | None
    network: str | None
    role: Role
    by: str
    reason: str


class StoredPolicy(NamedTuple):
    """What holds in a room, or, with `room` "", in all.

    Attributes:
        room: its name.
        slow: seconds between two messages of one member; 0 for none.
        locked: nobody else may come in.
        frozen: only moderators and `speakers` speak.
        frozen_until: Unix seconds; None if the freeze has no end.
        frozen_by: the moderator's nick.
        speakers: those who may: see PersonKey in rooms/policy.py.
        frozen_at: Unix seconds; 0 if it is not frozen.
        locked_by: the moderator's nick.
        insiders: those who may come back though the room is locked.
        topic: who sets the topic: "moderators", "everybody", or "" where nobody has said.
        read_only: only moderators speak.
        invite_by: the nick of who let only those in who are invited; "" if everybody comes in.
        guests: who is invited: the person, see PersonKey in rooms/policy.py, and what they were
            called then.
        forget: all that was said is deleted when nobody is in the room any more.
        images: clients may show images that are offered as files.
    """

    room: str
    slow: float = 0.0
    locked: bool = False
    frozen: bool = False
    frozen_until: float | None = None
    frozen_by: str = ""
    speakers: tuple[str, ...] = ()
    frozen_at: float = 0.0
    locked_by: str = ""
    insiders: tuple[str, ...] = ()
    topic: str = ""
    read_only: bool = False
    invite_by: str = ""
    guests: tuple[tuple[str, str], ...] = ()
    forget: bool = False
    images: bool = False


class KeptHand(NamedTuple):
    """A hand that is up.

    Attributes:
        number: counts up; 0 for one that is not kept yet.
        room: its name.
        who: the person: see PersonKey in rooms/policy.py.
        token: the hash of the secret of the session that raised it.
        nick: what that was called then.
        time: when, in Unix seconds.
        question: what they ask, or "".
        floor: whether they have the floor by now, and stand in the queue no more.
    """

    number: int
    room: str
    who: str
    token: bytes
    nick: str
    time: float
    question: str = ""
    floor: bool = False


class KeptPoll(NamedTuple):
    """A poll that is open, or whose result is not known to be in the log yet.

    Attributes:
        number: counts up; 0 for one that is not kept yet.
        room: the room's name.
        who: the person who asked: see PersonKey in rooms/policy.py.
        token: the hash of the secret of their session.
        nick: what they were called then.
        time: when, in Unix seconds.
        question: what they ask.
        options: what may be voted for.
        named: whether the result says who voted for what.
        result: the message that says it, as JSON, once the poll is over.
        session: the number, in the log, of the session that began it, or ended it.
        request: the id of its request.
        ended: when, in Unix seconds.
    """

    number: int
    room: str
    who: str
    token: bytes
    nick: str
    time: float
    question: str
    options: tuple[str, ...]
    named: bool
    result: str | None = None
    session: int | None = None
    request: int | None = None
    ended: float = 0.0


class KeptVote(NamedTuple):
    """A vote in a poll.

    Attributes:
        poll: the poll's number.
        who: the person: see PersonKey in rooms/policy.py.
        token: the hash of the secret of their session.
        nick: what they were called then; "" unless the poll is named.
        choice: the option, from 1.
    """

    poll: int
    who: str
    token: bytes
    nick: str
    choice: int


class KeptDirect(NamedTuple):
    """A direct message that waits for somebody who is away.

    Attributes:
        number: counts up; 0 for one that is not kept yet.
        recipient: the person: see PersonKey in rooms/policy.py.
        sender: the person who sent it, in the same way.
        nick: what that one was called then.
        text: what it says.
        bot: whether a bot sent it.
        time: when it was sent, in Unix seconds.
        until: when it is deleted, delivered or not, in Unix seconds.
    """

    number: int
    recipient: str
    sender: str
    nick: str
    text: str
    bot: bool
    time: float
    until: float


class KeptPin(NamedTuple):
    """A message at the top of a room.

    Attributes:
        room: its name.
        seq: its place in the room's log.
        by: the nick of the moderator who keeps it there.
        time: since when, in Unix seconds.
    """

    room: str
    seq: int
    by: str
    time: float


class Pupil(NamedTuple):
    """Somebody on a class list.

    Attributes:
        number: counts up, in the order of the list; 0 for one that is not kept yet.
        group: what the list is called.
        name: the person's, as the list has it.
        nick: the name of the account that was made for them.
        account: its number; 0 if there is none any more.
    """

    number: int
    group: str
    name: str
    nick: str
    account: int


class Asked(NamedTuple):
    """A request: the hash of its session's secret, and its id."""

    token: bytes
    request: int


class Act(NamedTuple):
    """A line of the audit log.

    Attributes:
        time: Unix seconds.
        who: the nick of who did it.
        act: the request's type, or another word where it was none.
        whom: a nick, an account, an address, a room, or "".
        until: Unix seconds, for what ends by itself.
        reason: a line, or "".
        asked: the request that asked for it, if it is to be done once however often it comes.
    """

    time: float
    who: str
    act: str
    whom: str = ""
    until: float | None = None
    reason: str = ""
    asked: Asked | None = None
