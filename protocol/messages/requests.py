"""What a client sends: one Struct for each request.

Requests are flat and refuse members that they do not know. A member that may be left out may be
null as well, which means the same; any other null is a wrong type. So a peer cannot make the
decoder build anything that it nested on purpose.

The module is long, as it has all requests, each with what its members mean.
"""

import re
from typing import Annotated, Literal

from msgspec import Meta, Struct

LARGEST_ID = 2**53 - 1
"""The largest `id` and `seq`: what every JSON implementation keeps exact."""

Id = Annotated[int, Meta(ge=1, le=LARGEST_ID)]
Seq = Annotated[int, Meta(ge=0, le=LARGEST_ID)]
Place = Annotated[int, Meta(ge=1, le=LARGEST_ID)]
"""The `seq` of a message that there is, or was."""
Limit = Annotated[int, Meta(ge=1, le=1000)]
Duration = Annotated[float, Meta(gt=0, le=1_000_000_000)]
"""Seconds, of a ban for instance: 31 years at most. What is to last longer has no end."""
Pause = Annotated[float, Meta(ge=0, le=86_400)]
"""Seconds between two messages of one person: a day at most; 0 is none."""
Speakers = Annotated[tuple[str, ...], Meta(max_length=100)]
"""Nicks. The lists that a request may hold have strings as items, so nothing nests in them."""
Options = Annotated[tuple[str, ...], Meta(min_length=2, max_length=10)]
"""What may be voted for in a poll."""
Choice = Annotated[int, Meta(ge=1, le=10)]
"""Which of a poll's options, from 1."""

Language = Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9+#._-]{0,31}$")]
"""What a programming language is called, as `python` or `c++`: 32 characters at most."""

_bot = re.compile(r"bot(?![a-z0-9])", re.IGNORECASE)


class Request(
    Struct,
    frozen=True,
    tag_field="type",
    tag=str.lower,
    forbid_unknown_fields=True,
    omit_defaults=True,
    gc=False,
):
    """The base of everything a client sends. As with ServerMessage, nothing refers to itself."""


class Hello(Request, frozen=True):
    """The first frame: who is there. `session` takes an earlier session up again.

    `password` is the server's, `account_password` that of the account that owns the nick. `client`
    says what program it is, and whether a bot: see `names_bot`.
    """

    version: int
    nick: str
    client: str | None = None
    password: str | None = None
    session: str | None = None
    account_password: str | None = None


class Join(Request, frozen=True):
    """Enter a room and place a cursor in its log: behind `after`, or `history` messages back.

    `log` names the log that `after` is from.
    A room that this makes may be forgotten later, if everybody who joins it says `temporary`.
    """

    id: Id
    room: str
    after: Seq | None = None
    history: Seq | None = None
    log: str | None = None
    temporary: bool = False


class Leave(Request, frozen=True):
    """Leave a room."""

    id: Id
    room: str


class Forget(Request, frozen=True):
    """Remove a temporary room in which nobody is, with all that was said there."""

    id: Id
    room: str


class Say(Request, frozen=True):
    """Append a message to a room's log. `language` is what a text of kind `code` is written in;
    `reply_to` is the seq of the message that it answers.
    """

    id: Id
    room: str
    text: str
    kind: Literal["text", "action", "code"] | None = "text"
    language: Language | None = None
    reply_to: Place | None = None


class Edit(Request, frozen=True):
    """Give a message of one's own another text, which an entry of the log says."""

    id: Id
    room: str
    seq: Place
    text: str


class Delete(Request, frozen=True):
    """Take a message back, which an entry of the log says; a moderator may, whoever said it."""

    id: Id
    room: str
    seq: Place
    reason: str | None = None


class Tell(Request, frozen=True):
    """Send one person a message. It is kept only for somebody who is away, until they are back."""

    id: Id
    to: str
    text: str


class Late(Request, frozen=True):
    """Ask whether direct messages are kept for oneself while one is away; `on` sets it."""

    id: Id
    on: bool | None = None


class Nick(Request, frozen=True):
    """Take another nick."""

    id: Id
    nick: str


class Topic(Request, frozen=True):
    """Set a room's topic, which its log records."""

    id: Id
    room: str
    topic: str


class Who(Request, frozen=True):
    """Ask who is in a room, in the order of the nicks, from behind `after`."""

    id: Id
    room: str
    after: str | None = None


class Rooms(Request, frozen=True):
    """Ask which rooms there are, in the order of their names, from behind `after`."""

    id: Id
    after: str | None = None


class History(Request, frozen=True):
    """Ask for messages before or after a `seq`; the newest without either."""

    id: Id
    room: str
    before: Seq | None = None
    after: Seq | None = None
    limit: Limit | None = None


class Search(Request, frozen=True):
    """Ask for the newest messages that hold all words of `query`, before a `seq`."""

    id: Id
    room: str
    query: str
    before: Seq | None = None
    limit: Limit | None = None


class Ping(Request, frozen=True):
    """Ask for a `pong`."""

    id: Id


class Pong(Request, frozen=True):
    """The answer to the server's `ping`."""

    re: Id


class Bye(Request, frozen=True):
    """Ask the server to close, once all before it is answered."""

    id: Id


# Accounts and roles.


class Register(Request, frozen=True):
    """Make an account of the current nick, which nobody else can use from then on."""

    id: Id
    password: str


class Login(Request, frozen=True):
    """Show that an account is one's own, and take its nick; that of the current nick without."""

    id: Id
    password: str
    account: str | None = None


class Password(Request, frozen=True):
    """Give the account that one is logged in to another password, and log its others out."""

    id: Id
    old: str
    new: str


class Logout(Request, frozen=True):
    """Leave one's account, and be called `nick`; without it as before, if that may be."""

    id: Id
    nick: str | None = None


class Claim(Request, frozen=True):
    """Become an owner of the server, with the secret that it showed at its first start."""

    id: Id
    secret: str


class Op(Request, frozen=True):
    """Make somebody a moderator."""

    id: Id
    who: str


class Deop(Request, frozen=True):
    """Make somebody a member again."""

    id: Id
    who: str


# Keeping order. `who` is a nick, `@` and an account, or an address or network.


class Kick(Request, frozen=True):
    """End somebody's connection."""

    id: Id
    who: str
    reason: str | None = None


class Ban(Request, frozen=True):
    """Let somebody in no more; `address`: nor anybody from the address that this nick has."""

    id: Id
    who: str
    address: bool | None = False
    seconds: Duration | None = None
    reason: str | None = None


class Unban(Request, frozen=True):
    """End a ban."""

    id: Id
    who: str


class Mute(Request, frozen=True):
    """Let somebody listen only."""

    id: Id
    who: str
    seconds: Duration | None = None
    reason: str | None = None


class Unmute(Request, frozen=True):
    """End a mute."""

    id: Id
    who: str


class Bans(Request, frozen=True):
    """Ask for the bans and mutes in force, from behind number `after`."""

    id: Id
    after: Seq | None = None


class Slow(Request, frozen=True):
    """Let each member of a room say something only so often; always, with 0."""

    id: Id
    room: str
    seconds: Pause


class Lock(Request, frozen=True):
    """Let nobody else into a room, or open it again."""

    id: Id
    room: str
    locked: bool


class Rules(Request, frozen=True):
    """Ask what holds in a room."""

    id: Id
    room: str


class SetRules(Request, frozen=True, tag="set_rules"):
    """Change what holds in a room; what is left out stays as it is.

    `topic` is who sets the topic: "default" is moderators where there is an owner in the room, else
    everybody. See RoomRules for the others.
    """

    id: Id
    room: str
    topic: Literal["everybody", "moderators", "default"] | None = None
    read_only: bool | None = None
    invite_only: bool | None = None
    forget: bool | None = None
    images: bool | None = None


class Invite(Request, frozen=True):
    """Let somebody into a room that is for those who are invited, or that is locked."""

    id: Id
    room: str
    who: str


class Uninvite(Request, frozen=True):
    """Take an invitation back; who came by it is in the room no more."""

    id: Id
    room: str
    who: str


class Announce(Request, frozen=True):
    """Say something as a notice, in one room or in all."""

    id: Id
    text: str
    room: str | None = None


class Freeze(Request, frozen=True):
    """Let only moderators and `speakers` speak, in one room or in all."""

    id: Id
    room: str | None = None
    seconds: Duration | None = None
    speakers: Speakers | None = None


class Unfreeze(Request, frozen=True):
    """Let everybody speak again, in one room or in all."""

    id: Id
    room: str | None = None


class Hand(Request, frozen=True):
    """Raise one's hand in a room, with a question or without one, or take it down."""

    id: Id
    room: str
    up: bool
    question: str | None = None


class Hands(Request, frozen=True):
    """Ask whose hands are up in a room, in the order of the queue, from behind `after`."""

    id: Id
    room: str
    after: str | None = None


class Next(Request, frozen=True):
    """Give the floor to the first in the queue of hands, and take it from who had it."""

    id: Id
    room: str


# Files. What they hold goes by HTTP, on the same port.


class Offer(Request, frozen=True):
    """Ask for a place for a file, `size` bytes long, that is to be offered in a room.

    `sha256` is of its content, in hex; without it the server goes by what arrives.
    """

    id: Id
    room: str
    name: Annotated[str, Meta(min_length=1, max_length=1000)]
    size: Annotated[int, Meta(ge=1, le=LARGEST_ID)]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None


class Share(Request, frozen=True):
    """Offer a file in its room that has arrived: `file` is what the `ok` to the `offer` named."""

    id: Id
    room: str
    file: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]


# What stands at the top of a room.


class Pin(Request, frozen=True):
    """Keep a message at the top of its room."""

    id: Id
    room: str
    seq: Seq


class Unpin(Request, frozen=True):
    """Keep a message at the top of its room no longer."""

    id: Id
    room: str
    seq: Seq


# Polls.


class Poll(Request, frozen=True):
    """Ask all in a room a question; `named`: the result says who voted for what."""

    id: Id
    room: str
    question: str
    options: Options
    named: bool | None = False


class Vote(Request, frozen=True):
    """Vote for an option of a room's poll, in place of one's vote before."""

    id: Id
    room: str
    choice: Choice


class EndPoll(Request, frozen=True, tag="end_poll"):
    """End a room's poll, whose result all see then."""

    id: Id
    room: str


# Looking at the server, for owners.


class Live(Request, frozen=True):
    """Ask what the server does at this moment."""

    id: Id


class Disturb(Request, frozen=True):
    """Hold back what a connection of one's own is sent, or cut it, in a server without limits.

    `seconds` is the pause between two sends, with `delay`.
    """

    id: Id
    who: str
    how: Literal["suspend", "delay", "release", "cut"]
    seconds: Annotated[float, Meta(gt=0, le=60)] | None = None


AnyRequest = (
    # The connection.
    (Hello | Ping | Pong | Bye)
    # Rooms and messages.
    | (Join | Leave | Forget | Say | Tell | Late | Nick | Topic | Who | Rooms | History | Search)
    | (Edit | Delete)
    # Accounts and roles.
    | (Register | Login | Password | Logout | Claim | Op | Deop)
    # Keeping order.
    | (Kick | Ban | Unban | Mute | Unmute | Bans)
    | (Slow | Lock | Announce | Freeze | Unfreeze | Hand | Hands | Next)
    # Polls.
    | (Poll | Vote | EndPoll)
    # Files.
    | (Offer | Share)
    # What stands at the top of a room.
    | (Pin | Unpin)
    | (Rules | SetRules | Invite | Uninvite)
    # Looking at the server.
    | (Live | Disturb)
)
"""Any request: the union that the codec decodes."""


def names_bot(client: str | None) -> bool:
    """Return whether the `client` of a hello is a bot's: it begins with the word `bot`."""
    return client is not None and _bot.match(client) is not None
