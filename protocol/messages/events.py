"""What the server sends: one Struct for each reply and each event.

The server may add members and types within version 1: clients ignore those that they do not know.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from protocol.messages.live import Look

CHANGES = frozenset({"edit", "delete"})
"""The kinds of entries that change a message before them: which, `Message.changes` says."""

DELETED = "(deleted)"
"""The text of a message that was deleted."""

_KEPT_WHEN_DELETED = frozenset({"bot", "role", "changes"})

LimitValue = int | float | bool | str | None
"""What a limit in `welcome` may be: nothing that nests."""


class ServerMessage(
    Struct, frozen=True, tag_field="type", tag=str.lower, omit_defaults=True, gc=False
):
    """The base of everything the server sends. Members that are not known are ignored.

    Nothing refers to itself here, so the garbage collector need not look at any of it (`gc`).
    """


class Welcome(ServerMessage, frozen=True):
    """The answer to `hello`. `session` is a secret; `limits` maps a rule's name to its value.

    `role` is member, moderator or owner; a server of before there were roles leaves it out.
    `account` is whose account this is, in a session that is logged in. `last_id` is the largest
    id under which the session has stored anything, 0 for a new one.
    """

    version: int
    server: str
    session: str
    nick: str
    limits: dict[str, LimitValue]
    motd: str
    role: str | UnsetType = UNSET
    account: str | UnsetType = UNSET
    last_id: int | UnsetType = UNSET


class RoomRules(Struct, frozen=True, omit_defaults=True, gc=False):
    """The answer to `rules`: what holds in a room. What is as always is left out.

    `topic` is who sets it, everybody or moderators; `topic_by_default` is true where nobody has
    said so. `read_only`: only moderators speak. `invite_only`: only they come in, and who is
    invited; `invited` names those, for moderators alone. `locked`: nobody else comes in. `frozen`
    is who froze the room, and `until`, in Unix seconds, when that ends by itself. `slow` is the
    seconds between two messages of one person. `forget`: all that was said is deleted when nobody
    is in the room any more. `images`: clients may show the images that are offered as files.
    """

    topic: str
    topic_by_default: bool = False
    read_only: bool = False
    invite_only: bool = False
    invited: Sequence[str] | UnsetType = UNSET
    locked: bool = False
    frozen: str = ""
    until: float | UnsetType = UNSET
    slow: float | UnsetType = UNSET
    forget: bool = False
    images: bool = False


class Ok(ServerMessage, frozen=True):
    """The request `re` was done.

    `oldest`, in the reply to a join, is the seq of the oldest message that is still kept, where
    the cursor was placed further back: the messages begin there. `frozen`, there too, is true in a
    room where only moderators speak just now. `log`, there too, names the incarnation of the log;
    `diverged`, where the request named another, is the last seq that both have in common. `gone`,
    in the reply to a `say` or `topic` that was sent again, is true where its message was stored and
    is deleted by now: it has no `seq` then.
    `kept`, in the reply to a `tell`, is true where the person is away and the message waits for
    them. `late`, in the reply to a `late`, is whether messages are kept for oneself. `place`, in
    the reply to a `hand`, is where one stands in the queue; `nick`, in the reply to a `next`, is
    who has the floor. In the reply to an `offer`, `file` is what to `share`, `upload` the path to
    send it to by PUT, and `have` how many bytes are there already.
    """

    re: int
    room: str | UnsetType = UNSET
    seq: int | UnsetType = UNSET
    members: int | UnsetType = UNSET
    topic: str | UnsetType = UNSET
    nick: str | UnsetType = UNSET
    oldest: int | UnsetType = UNSET
    frozen: bool | UnsetType = UNSET
    log: str | UnsetType = UNSET
    diverged: int | UnsetType = UNSET
    gone: bool | UnsetType = UNSET
    account: str | UnsetType = UNSET
    role: str | UnsetType = UNSET
    kept: bool | UnsetType = UNSET
    late: bool | UnsetType = UNSET
    rules: RoomRules | UnsetType = UNSET
    place: int | UnsetType = UNSET
    file: str | UnsetType = UNSET
    upload: str | UnsetType = UNSET
    have: int | UnsetType = UNSET


class PollResult(Struct, frozen=True, omit_defaults=True, gc=False):
    """What a message of the kind `poll` says: a poll that begins, or, with `counts`, its result.

    `voters`, where it was named, has the nicks for each option, as far as they fit; `by` is who
    asked, and `time` when, in Unix seconds.
    """

    question: str
    options: Sequence[str]
    by: str
    time: float
    named: bool = False
    counts: Sequence[int] | UnsetType = UNSET
    voters: Sequence[Sequence[str]] | UnsetType = UNSET


class ImageInfo(Struct, frozen=True, gc=False):
    """What image a file holds: its media type, and its size in pixels, before it is rotated."""

    type: str
    width: int
    height: int


class Message(ServerMessage, frozen=True):
    """One entry of a room's log. `time` is in Unix seconds, UTC.

    `kind` is text, action, code, file, topic, notice, poll, edit or delete; a later server may know
    more. `bot` is whether a bot said it. `language` is what a text of kind `code` is written in,
    empty if nobody said. `reply_to` is the seq of the message that it answers, 0 for none. `role`
    is moderator or owner where the author was one when they said it, else "". `poll` is of the kind
    `poll`. `file`, of kind `file`, is the path to GET it from, `size` its bytes, `sha256` the hash
    of its content, in hex; `image` is there where it is an image that a client may show in a room
    whose rules allow `images`.

    An entry of the kind edit or delete `changes` the message with that seq: an edit has its new
    text. Whoever reads a message after that finds its latest state: `edited`, if it has another
    text than at first, or `deleted`, without what it said.
    """

    room: str
    seq: int
    time: float
    from_: str = msgspec.field(name="from")
    kind: str
    text: str
    bot: bool = False
    language: str = ""
    reply_to: int = 0
    changes: int = 0
    edited: bool = False
    deleted: bool = False
    role: str = ""
    poll: PollResult | UnsetType = UNSET
    file: str = ""
    size: int = 0
    sha256: str = ""
    image: ImageInfo | UnsetType = UNSET

    @classmethod
    def unnumbered(cls, from_: str, kind: str, text: str, **marks: Any) -> "Message":
        """Return what is to be said, until a log gives it a place.

        Args:
            from_: the nick of who says it.
            kind: the kind.
            text: the text.
            marks: the members that a message may have besides.
        """
        return cls("", 0, 0.0, from_, kind, text, **marks)

    def marks(self) -> dict[str, Any]:
        """Return the members that it has besides those that every message has."""
        values = msgspec.structs.astuple(self)[_UNMARKED:]
        if values == _AS_ALWAYS:
            return {}
        marked = zip(_MARKS, values, _AS_ALWAYS, strict=True)
        return {name: value for name, value, always in marked if value != always}

    def changed_by(self, entry: "Message") -> "Message":
        """Return its state after an entry of its log that changes it.

        So is an edit changed by what follows it: its text is read by newcomers, too. What is
        deleted stays so.

        Args:
            entry: of a kind in CHANGES.
        """
        if entry.kind == "delete" or entry.deleted or self.deleted:
            kept = {
                name: value for name, value in self.marks().items() if name in _KEPT_WHEN_DELETED
            }
            kind = self.kind if self.kind == "edit" else "text"
            place = self.room, self.seq, self.time
            return Message(*place, self.from_, kind, DELETED, **kept, deleted=True)
        edited = self.edited if self.kind == "edit" else True
        return msgspec.structs.replace(self, text=entry.text, edited=edited)


_OPTIONAL = [
    field for field in msgspec.structs.fields(Message) if field.default is not msgspec.NODEFAULT
]
"""The members of a message that are left out where they are as always, and what that is."""

_MARKS = [field.name for field in _OPTIONAL]
_AS_ALWAYS = tuple(field.default for field in _OPTIONAL)
_UNMARKED = len(msgspec.structs.fields(Message)) - len(_OPTIONAL)


class RoomEntry(Struct, frozen=True, gc=False):
    """One line of the answer to `rooms`."""

    room: str
    members: int
    topic: str


class BanEntry(Struct, frozen=True, omit_defaults=True, gc=False):
    """One line of the answer to `bans`: a ban or a mute. Times are in Unix seconds, UTC."""

    number: int
    act: str
    who: str
    reason: str
    by: str
    time: float
    until: float | UnsetType = UNSET


class HandEntry(Struct, frozen=True, omit_defaults=True, gc=False):
    """One line of the queue of hands. `time` is when it was raised, in Unix seconds, UTC.

    `floor` marks who has the floor, and stands in the queue no more.
    """

    nick: str
    time: float
    question: str = ""
    floor: bool = False


class Page(ServerMessage, frozen=True):
    """One page of an answer; `more` if it goes on.

    `oldest`, in the reply to `history`, is the seq of the oldest message that is still kept, where
    older ones were asked for. `roles`, in that to `who`, has the roles of those `members` who are
    moderators or owners.
    """

    re: int
    more: bool
    members: Sequence[str] | UnsetType = UNSET
    roles: dict[str, str] | UnsetType = UNSET
    rooms: Sequence[RoomEntry] | UnsetType = UNSET
    messages: Sequence[Message] | UnsetType = UNSET
    oldest: int | UnsetType = UNSET
    bans: Sequence[BanEntry] | UnsetType = UNSET
    hands: Sequence[str] | UnsetType = UNSET
    queue: Sequence[HandEntry] | UnsetType = UNSET


class Error(ServerMessage, frozen=True):
    """The request `re` was refused; or, with `re` None, what was sent was no request."""

    re: int | None
    code: str
    text: str
    retry_after: float | UnsetType = UNSET


class ServerPong(ServerMessage, frozen=True, tag="pong"):
    """The answer to a client's `ping`."""

    re: int


class ServerPing(ServerMessage, frozen=True, tag="ping"):
    """The server asks for a `pong`."""

    id: int


class Direct(ServerMessage, frozen=True):
    """A message to one person. `time` is in Unix seconds, UTC; `bot` is whether a bot sent it.

    `late` is there where the message was kept while the person was away: a number, by which one is
    known that comes again because the connection broke.
    """

    time: float
    from_: str = msgspec.field(name="from")
    to: str
    text: str
    bot: bool = False
    late: int | UnsetType = UNSET


class Presence(ServerMessage, frozen=True):
    """Who came, went or was renamed since the last one; `members` is how many are there now.

    `roles` has the role of each who came or was renamed and is a moderator or owner, and of each
    who got another role: member, moderator or owner.
    """

    room: str
    joined: Sequence[str]
    left: Sequence[str]
    renamed: Sequence[tuple[str, str]]
    members: int
    roles: dict[str, str] | UnsetType = UNSET


class RoleChange(ServerMessage, frozen=True, tag="role"):
    """One's own role has changed, and who did it."""

    role: str
    by: str


class HandChange(ServerMessage, frozen=True, tag="hand"):
    """A hand was raised or taken down; `hands` is how many are up now. Moderators are told.

    Where the nick's hand was up already, it has another question.
    """

    room: str
    nick: str
    up: bool
    hands: int
    question: str = ""


class PlaceChange(ServerMessage, frozen=True, tag="place"):
    """Where one's own hand stands in a room's queue; 0 if it is down."""

    room: str
    place: int
    question: str = ""


class FloorChange(ServerMessage, frozen=True, tag="floor"):
    """Who has the floor in a room; nobody, without `nick`."""

    room: str
    nick: str | UnsetType = UNSET
    question: str = ""


class PollChange(ServerMessage, frozen=True, tag="poll"):
    """A room's poll is `open`, or no more. `counts`, for who asked, has the votes so far.

    `choice` is one's own vote, where one came in after it.
    """

    room: str
    open: bool
    by: str = ""
    question: str = ""
    options: Sequence[str] = ()
    named: bool = False
    counts: Sequence[int] | UnsetType = UNSET
    choice: int | UnsetType = UNSET


class FreezeChange(ServerMessage, frozen=True, tag="frozen"):
    """A room was frozen, or is no longer: what the `ok` to a `join` said of it has changed."""

    room: str
    frozen: bool


class PinEntry(Struct, frozen=True, gc=False):
    """A message at the top of a room: its place, the start of its text, and who keeps it there."""

    seq: int
    time: float
    from_: str = msgspec.field(name="from")
    text: str
    by: str


class PinsChange(ServerMessage, frozen=True, tag="pins"):
    """What stands at the top of a room now, the oldest message first; after each `ok` to a `join`
    where anything does.
    """

    room: str
    pins: Sequence[PinEntry]


class RulesChange(ServerMessage, frozen=True, tag="rules"):
    """What holds in a room, and for oneself in it, as it is from now on.

    `speak` is whether one may say something there; where not, `why` is muted, frozen or read_only,
    `text` says it as a sentence, and `until`, in Unix seconds, is when that ends by itself. `slow`
    is the seconds between two messages, where that binds oneself. `read_only`, `invite_only`,
    `locked`, `topic` and `images` are as in the answer to `rules`; `topic` is "" where nobody has
    said who sets it.
    """

    room: str
    speak: bool
    why: str = ""
    text: str = ""
    until: float | UnsetType = UNSET
    slow: float | UnsetType = UNSET
    read_only: bool = False
    invite_only: bool = False
    locked: bool = False
    topic: str = ""
    images: bool = False


class Invited(ServerMessage, frozen=True):
    """One may come into a room from now on, and who says so."""

    room: str
    by: str


class Expelled(ServerMessage, frozen=True):
    """One is in a room no more: the server took one out of it. `text` says why."""

    room: str
    text: str


class LiveView(ServerMessage, frozen=True, tag="live"):
    """The answer to `live`: what the server does at this moment.

    `own` names those whose connections come from where the owner's comes from, in a server that
    lets them be disturbed.
    """

    re: int
    view: Look
    own: Sequence[str] | UnsetType = UNSET


class Oldest(ServerMessage, frozen=True):
    """What was to follow in a room is deleted: the next message that comes is `oldest`, or behind
    it. As an `ok` to a `join` tells it, for who fell behind since.
    """

    room: str
    oldest: int


class Goodbye(ServerMessage, frozen=True):
    """The server closes, and why."""

    code: str
    text: str


AnyServerMessage = (
    # Replies.
    (Welcome | Ok | Page | Error | ServerPong | LiveView)
    # Events.
    | (Message | Direct | Presence | RoleChange | HandChange | FreezeChange | Oldest | PinsChange)
    | (RulesChange | Invited | Expelled)
    | (PlaceChange | FloorChange | PollChange)
    | (ServerPing | Goodbye)
)
"""Anything that the server sends: the union that the codec decodes."""
