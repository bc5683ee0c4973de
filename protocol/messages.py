"""What is said in a frame: one Struct for each type, one union for each direction.

A Struct is the type, the check and the codec at once (msgspec). Four rules keep a hostile peer
from doing harm with JSON alone:

- Requests are flat and refuse members they do not know, so that nothing is ever built from, and
  hardly anything skipped in, a value that the peer nested on purpose. What could be nested deeply
  is refused before it is skipped (see NEST_LIMIT). What a server nests too deeply ends as
  `bad_frame`; the thread that decodes needs a stack of 1 MiB for that to be an exception in every
  interpreter (see THREAD_STACK_SIZE).
- A member that may be left out may be null as well, which is the same. Any other null is a wrong
  type.
- Bytes that are no JSON object are `bad_frame`, which is fatal; a JSON object that is no request
  is `bad_request`, and the connection lives on.
- What the server sends may gain members and types within version 1: clients ignore both.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from protocol.errors import Code, ProtocolError
from protocol.framing import encode_frame

THREAD_STACK_SIZE = 1024 * 1024
"""Bytes of stack for every thread that decodes what a peer sent.

The deepest nest that fits a frame crashes CPython 3.13.0 on a stack of 256 KiB; from 384 KiB up it
raises RecursionError. A stack costs address space, not memory.
"""

NEST_LIMIT = 256
"""How many lists and objects may begin in a request; those that there are have two at most.

What is skipped is skipped by a call in a call, and what a thread's stack has grown to it keeps. One
frame took 1.4 MB of memory with CPython 3.14, for which the stack itself is the only limit, and
320 KB with 3.13, for as long as its sender stayed.
"""

LARGEST_ID = 2**53 - 1
"""The largest `id` and `seq`: what every JSON implementation keeps exact."""

Id = Annotated[int, Meta(ge=1, le=LARGEST_ID)]
Seq = Annotated[int, Meta(ge=0, le=LARGEST_ID)]
Limit = Annotated[int, Meta(ge=1, le=1000)]
Duration = Annotated[float, Meta(gt=0, le=1_000_000_000)]
"""Seconds, of a ban for instance: 31 years at most. What is to last longer has no end."""
Pause = Annotated[float, Meta(ge=0, le=86_400)]
"""Seconds between two messages of one person: a day at most; 0 is none."""
Speakers = Annotated[tuple[str, ...], Meta(max_length=100)]
"""Nicks. The only list that a request holds; its items are strings, so nothing nests in it."""

LimitValue = int | float | bool | str | None
"""What a limit in `welcome` may be: nothing that nests."""


# -- client to server ---------------------------------------------------------------------------


class Request(
    Struct, frozen=True, tag_field="type", tag=str.lower, forbid_unknown_fields=True,
    omit_defaults=True,
):  # fmt: skip
    """The base of everything a client sends."""


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
    """Append a message to a room's log."""

    id: Id
    room: str
    text: str
    kind: Literal["text", "action"] | None = "text"


class Tell(Request, frozen=True):
    """Send one person a message that is not kept."""

    id: Id
    to: str
    text: str


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
    """Raise one's hand in a room, or take it down."""

    id: Id
    room: str
    up: bool


class Hands(Request, frozen=True):
    """Ask whose hands are up in a room, in the order of the queue, from behind `after`."""

    id: Id
    room: str
    after: str | None = None


AnyRequest = (
    Hello | Join | Leave | Forget | Say | Tell | Nick | Topic | Who | Rooms | History | Search
    | Ping | Pong | Bye
    | Register | Login | Password | Logout | Claim | Op | Deop
    | Kick | Ban | Unban | Mute | Unmute | Bans
    | Slow | Lock | Announce | Freeze | Unfreeze | Hand | Hands
)  # fmt: skip


# -- server to client ---------------------------------------------------------------------------


class ServerMessage(Struct, frozen=True, tag_field="type", tag=str.lower, omit_defaults=True):
    """The base of everything the server sends. Members that are not known are ignored."""


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


class Ok(ServerMessage, frozen=True):
    """The request `re` was done.

    `oldest`, in the reply to a join, is the seq of the oldest message that is still kept, where
    the cursor was placed further back: the messages begin there. `frozen`, there too, is true in a
    room where only moderators speak just now. `log`, there too, names the incarnation of the log;
    `diverged`, where the request named another, is the last seq that both have in common. `gone`,
    in the reply to a `say` or `topic` that was sent again, is true where its message was stored and
    is deleted by now: it has no `seq` then.
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


class Message(ServerMessage, frozen=True):
    """One entry of a room's log. `time` is in Unix seconds, UTC.

    `kind` is text, action, topic or notice; a later server may know more. `bot` is whether a bot
    said it.
    """

    room: str
    seq: int
    time: float
    from_: str = msgspec.field(name="from")
    kind: str
    text: str
    bot: bool = False


class RoomEntry(Struct, frozen=True):
    """One line of the answer to `rooms`."""

    room: str
    members: int
    topic: str


class BanEntry(Struct, frozen=True, omit_defaults=True):
    """One line of the answer to `bans`: a ban or a mute. Times are in Unix seconds, UTC."""

    number: int
    act: str
    who: str
    reason: str
    by: str
    time: float
    until: float | UnsetType = UNSET


class Page(ServerMessage, frozen=True):
    """One page of an answer; `more` if it goes on.

    `oldest`, in the reply to `history`, is the seq of the oldest message that is still kept, where
    older ones were asked for.
    """

    re: int
    more: bool
    members: Sequence[str] | UnsetType = UNSET
    rooms: Sequence[RoomEntry] | UnsetType = UNSET
    messages: Sequence[Message] | UnsetType = UNSET
    oldest: int | UnsetType = UNSET
    bans: Sequence[BanEntry] | UnsetType = UNSET
    hands: Sequence[str] | UnsetType = UNSET


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
    """A message to one person. `time` is in Unix seconds, UTC; `bot` is whether a bot sent it."""

    time: float
    from_: str = msgspec.field(name="from")
    to: str
    text: str
    bot: bool = False


class Presence(ServerMessage, frozen=True):
    """Who came, went or was renamed since the last one; `members` is how many are there now."""

    room: str
    joined: Sequence[str]
    left: Sequence[str]
    renamed: Sequence[tuple[str, str]]
    members: int


class RoleChange(ServerMessage, frozen=True, tag="role"):
    """One's own role has changed, and who did it."""

    role: str
    by: str


class HandChange(ServerMessage, frozen=True, tag="hand"):
    """A hand was raised or taken down; `hands` is how many are up now. Moderators are told."""

    room: str
    nick: str
    up: bool
    hands: int


class FreezeChange(ServerMessage, frozen=True, tag="frozen"):
    """A room was frozen, or is no longer: what the `ok` to a `join` said of it has changed."""

    room: str
    frozen: bool


class Goodbye(ServerMessage, frozen=True):
    """The server closes, and why."""

    code: str
    text: str


AnyServerMessage = (
    Welcome | Ok | Message | Page | Error | ServerPong | ServerPing | Direct | Presence
    | RoleChange | HandChange | FreezeChange | Goodbye
)  # fmt: skip


# -- codec --------------------------------------------------------------------------------------


class _Envelope(Struct):
    """As little of a JSON object as it takes to answer it."""

    type: msgspec.Raw = msgspec.Raw()
    id: msgspec.Raw = msgspec.Raw()


_encoder = msgspec.json.Encoder()
_hello_decoder = msgspec.json.Decoder(Hello)
_request_decoder: msgspec.json.Decoder[AnyRequest] = msgspec.json.Decoder(AnyRequest)
_server_decoder: msgspec.json.Decoder[AnyServerMessage] = msgspec.json.Decoder(AnyServerMessage)
_envelope_decoder = msgspec.json.Decoder(_Envelope)
_id_decoder: msgspec.json.Decoder[int] = msgspec.json.Decoder(Id)

_bot = re.compile(r"bot(?![a-z0-9])", re.IGNORECASE)

# A string, or one that never ends. However it goes on, nothing of it is looked at twice.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


def names_bot(client: str | None) -> bool:
    """Return whether the `client` of a hello is a bot's: it begins with the word `bot`."""
    return client is not None and _bot.match(client) is not None


def encode(message: Request | ServerMessage) -> bytes:
    """Return `message` as one frame.

    Raises:
        ValueError: it does not fit a frame, or holds a lone surrogate.
    """
    return encode_frame(_encoder.encode(message))


def encoded_size(value: object) -> int:
    """Return how many bytes `value` takes inside a frame, for whoever fills a page."""
    return len(_encoder.encode(value))


def decode_request(payload: bytes) -> AnyRequest:
    """Return the request that a client's payload holds.

    Raises:
        ProtocolError: `bad_frame` if it is no JSON object in UTF-8, or one of too many lists and
            objects; `bad_request`, with the id as `re` where one could be read, if it is one but
            no request.
    """
    _check_nest(payload)
    try:
        return _request_decoder.decode(payload)
    except msgspec.ValidationError as error:
        reason = str(error)
    except ValueError as error:
        raise _bad_frame(error) from error
    raise ProtocolError(Code.BAD_REQUEST, f"{reason}.", re=_read_id(_read_envelope(payload)))


def decode_hello(payload: bytes) -> Hello:
    """Return the hello that a client's first payload is to hold.

    Raises:
        ProtocolError: `bad_frame` as decode_request; `hello_required` for an object that is no
            hello; `bad_request` for a hello that breaks a rule.
    """
    _check_nest(payload)
    try:
        return _hello_decoder.decode(payload)
    except msgspec.ValidationError as error:
        reason = str(error)
    except ValueError as error:
        raise _bad_frame(error) from error
    if bytes(_read_envelope(payload).type) == b'"hello"':
        raise ProtocolError(Code.BAD_REQUEST, f"{reason}.")
    raise ProtocolError(Code.HELLO_REQUIRED, "The first frame of a connection is a `hello`.")


def decode_server_message(payload: bytes) -> AnyServerMessage | None:
    """Return what a server's payload says, or None for a type that this version does not know.

    Raises:
        ProtocolError: `bad_frame` if it is no JSON object in UTF-8.
    """
    try:
        return _server_decoder.decode(payload)
    except msgspec.ValidationError:
        _read_envelope(payload)
        return None
    except (ValueError, RecursionError) as error:
        raise _bad_frame(error) from error


def server_message_fault(payload: bytes) -> str:
    """Return which member breaks its rule in a payload for which decode_server_message gave None.

    Returns: such as "`message`: Expected `float`, got `str` - at `$.time`"; "" for a type that
        this version does not know.
    """
    try:
        _server_decoder.decode(payload)
    except msgspec.ValidationError as error:
        reason = str(error)
    else:
        return ""
    if reason.endswith("at `$.type`"):
        return ""
    name = bytes(_read_envelope(payload).type).decode().strip('"')
    return f"`{name}`: {reason}" if name else reason


def _check_nest(payload: bytes) -> None:
    """See that no more lists and objects begin in a client's payload than may.

    Raises:
        ProtocolError: `bad_frame`.
    """
    if len(payload) <= NEST_LIMIT or _count_beginnings(payload) <= NEST_LIMIT:  # nearly always
        return
    # What begins in a string does not count. No request has more strings than that, either; so how
    # long this takes is bounded.
    if _count_beginnings(_STRING.sub(b"", payload, NEST_LIMIT)) > NEST_LIMIT:
        raise ProtocolError(
            Code.BAD_FRAME, f"at most {NEST_LIMIT} lists and objects may begin in a frame"
        )


def _count_beginnings(payload: bytes) -> int:
    return payload.count(b"[") + payload.count(b"{")


def _read_envelope(payload: bytes) -> _Envelope:
    """What an object that is no message has in common with one."""
    try:
        payload.decode("utf-8")
        return _envelope_decoder.decode(payload)
    except (ValueError, RecursionError) as error:
        raise _bad_frame(error) from error


def _read_id(envelope: _Envelope) -> int | None:
    """The id, if there is one that could be a request's."""
    try:
        return _id_decoder.decode(envelope.id)
    except ValueError:
        return None


def _bad_frame(error: Exception) -> ProtocolError:
    if isinstance(error, RecursionError):
        return ProtocolError(Code.BAD_FRAME, "a frame holds a JSON object that is nested less")
    return ProtocolError(Code.BAD_FRAME, f"a frame holds one JSON object in UTF-8: {error}")
