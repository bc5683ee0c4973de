"""What Hypothesis draws protocol values from."""

from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import strategies as st

from protocol import messages
from protocol.messages import LARGEST_ID, AnyRequest

payloads = st.binary(min_size=1, max_size=300)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)

ids = st.integers(1, LARGEST_ID)
seqs = st.integers(0, LARGEST_ID)
texts = st.text(max_size=50)

REQUEST_TYPES: tuple[type[AnyRequest], ...] = (
    messages.Hello,
    messages.Join,
    messages.Leave,
    messages.Say,
    messages.Tell,
    messages.Late,
    messages.Nick,
    messages.Topic,
    messages.Who,
    messages.Rooms,
    messages.History,
    messages.Search,
    messages.Ping,
    messages.Pong,
    messages.Bye,
    messages.Register,
    messages.Login,
    messages.Password,
    messages.Logout,
    messages.Claim,
    messages.Op,
    messages.Deop,
    messages.Kick,
    messages.Ban,
    messages.Unban,
    messages.Mute,
    messages.Unmute,
    messages.Bans,
    messages.Slow,
    messages.Lock,
    messages.Announce,
    messages.Freeze,
    messages.Unfreeze,
    messages.Hand,
    messages.Hands,
    messages.Next,
    messages.Poll,
    messages.Vote,
    messages.EndPoll,
    messages.Live,
    messages.Disturb,
)

# For each type: its members by name, and whether they must be there. Written from the table of
# the protocol's document.
_numbers: dict[str, st.SearchStrategy[Any]] = {
    "id": ids,
    "re": ids,
    "after": seqs,
    "before": seqs,
    "history": seqs,
    "seconds": st.integers(1, 86_400) | st.floats(0.5, 86_400),
}
_special: dict[str, st.SearchStrategy[Any]] = {
    "version": st.just(1),
    "kind": st.sampled_from(["text", "action"]),
    "limit": st.integers(1, 1000),
    "address": st.booleans(),
    "locked": st.booleans(),
    "on": st.booleans(),
    "up": st.booleans(),
    "how": st.sampled_from(["suspend", "delay", "release", "cut"]),
    "speakers": st.lists(texts, max_size=4).map(tuple),
    "options": st.lists(texts, min_size=2, max_size=10).map(tuple),
    "named": st.booleans(),
    "choice": st.integers(1, 10),
}
REQUIRED: dict[str, tuple[str, ...]] = {
    "hello": ("version", "nick"),
    "join": ("id", "room"),
    "leave": ("id", "room"),
    "say": ("id", "room", "text"),
    "tell": ("id", "to", "text"),
    "late": ("id",),
    "nick": ("id", "nick"),
    "topic": ("id", "room", "topic"),
    "who": ("id", "room"),
    "rooms": ("id",),
    "history": ("id", "room"),
    "search": ("id", "room", "query"),
    "ping": ("id",),
    "pong": ("re",),
    "bye": ("id",),
    "register": ("id", "password"),
    "login": ("id", "password"),
    "password": ("id", "old", "new"),
    "logout": ("id",),
    "claim": ("id", "secret"),
    "op": ("id", "who"),
    "deop": ("id", "who"),
    "kick": ("id", "who"),
    "ban": ("id", "who"),
    "unban": ("id", "who"),
    "mute": ("id", "who"),
    "unmute": ("id", "who"),
    "bans": ("id",),
    "slow": ("id", "room", "seconds"),
    "lock": ("id", "room", "locked"),
    "announce": ("id", "text"),
    "freeze": ("id",),
    "unfreeze": ("id",),
    "hand": ("id", "room", "up"),
    "hands": ("id", "room"),
    "next": ("id", "room"),
    "poll": ("id", "room", "question", "options"),
    "vote": ("id", "room", "choice"),
    "end_poll": ("id", "room"),
    "live": ("id",),
    "disturb": ("id", "who", "how"),
}
OPTIONAL: dict[str, tuple[str, ...]] = {
    "hello": ("client", "password", "session", "account_password"),
    "join": ("after", "history", "log"),
    "say": ("kind",),
    "who": ("after",),
    "rooms": ("after",),
    "history": ("before", "after", "limit"),
    "search": ("before", "limit"),
    "login": ("account",),
    "late": ("on",),
    "logout": ("nick",),
    "kick": ("reason",),
    "ban": ("address", "seconds", "reason"),
    "mute": ("seconds", "reason"),
    "bans": ("after",),
    "announce": ("room",),
    "freeze": ("room", "seconds", "speakers"),
    "unfreeze": ("room",),
    "disturb": ("seconds",),
    "hand": ("question",),
    "poll": ("named",),
}
DEFAULTS: dict[str, object] = {"kind": "text", "address": False, "named": False}


def _member(kind: str, name: str) -> st.SearchStrategy[Any]:
    if name == "after" and kind in ("who", "rooms"):
        return texts
    if (kind, name) == ("disturb", "seconds"):
        return st.floats(0.001, 60)
    return {**_numbers, **_special}.get(name, texts)


@st.composite
def request_objects(draw: st.DrawFn) -> dict[str, Any]:
    """A request as a JSON object, with any of its optional members."""
    kind = draw(st.sampled_from(sorted(REQUIRED)))
    optional = OPTIONAL.get(kind, ())
    chosen = draw(st.sets(st.sampled_from(optional))) if optional else set()
    names = [*REQUIRED[kind], *sorted(chosen)]
    return {"type": kind, **{name: draw(_member(kind, name)) for name in names}}


requests: st.SearchStrategy[AnyRequest] = request_objects().map(
    lambda value: messages.decode_request(msgspec.json.encode(value))
)


@st.composite
def pieces(draw: st.DrawFn, stream: bytes) -> list[bytes]:
    """`stream` cut anywhere, into any number of pieces, some of them empty."""
    cuts = draw(st.lists(st.integers(0, len(stream)), max_size=12).map(sorted))
    edges = [0, *cuts, len(stream)]
    return [stream[start:stop] for start, stop in pairwise(edges)]


# -- server to client -------------------------------------------------------------------------

_text_or_empty = st.text(max_size=20)
_times = st.floats(0, 4e9)
_message = st.builds(
    messages.Message, room=texts, seq=ids, time=_times, from_=texts, kind=texts, text=texts
)
_names = st.lists(_text_or_empty, max_size=4)
_ban = st.builds(
    messages.BanEntry,
    number=ids,
    act=texts,
    who=texts,
    reason=texts,
    by=texts,
    time=_times,
    until=st.just(msgspec.UNSET) | _times,
)

server_messages: st.SearchStrategy[messages.AnyServerMessage] = st.one_of(
    st.builds(
        messages.Welcome,
        version=ids,
        server=texts,
        session=texts,
        nick=texts,
        limits=st.dictionaries(st.text(max_size=5), st.integers(-5, 5), max_size=3),
        motd=texts,
        role=texts,
        account=texts,
        last_id=seqs,
    ),
    st.builds(messages.Ok, re=ids, log=texts, diverged=seqs),
    st.builds(messages.Ok, re=ids, room=texts, seq=seqs, members=seqs, topic=texts, nick=texts),
    st.builds(messages.Ok, re=ids, account=texts, role=texts, frozen=st.booleans()),
    st.builds(messages.Ok, re=ids),
    _message,
    st.builds(messages.Page, re=ids, more=st.booleans(), members=_names),
    st.builds(messages.Page, re=ids, more=st.booleans(), messages=st.lists(_message, max_size=3)),
    st.builds(messages.Page, re=ids, more=st.booleans(), bans=st.lists(_ban, max_size=3)),
    st.builds(messages.Page, re=ids, more=st.booleans(), hands=_names),
    st.builds(messages.Error, re=st.none() | ids, code=texts, text=texts),
    st.builds(messages.Error, re=ids, code=texts, text=texts, retry_after=_times),
    st.builds(messages.ServerPong, re=ids),
    st.builds(messages.ServerPing, id=ids),
    st.builds(messages.Direct, time=_times, from_=texts, to=texts, text=texts),
    st.builds(
        messages.Presence,
        room=texts,
        joined=_names,
        left=_names,
        renamed=st.lists(st.tuples(texts, texts), max_size=2),
        members=seqs,
    ),
    st.builds(messages.RoleChange, role=texts, by=texts),
    st.builds(messages.FreezeChange, room=texts, frozen=st.booleans()),
    st.builds(messages.HandChange, room=texts, nick=texts, up=st.booleans(), hands=seqs),
    st.builds(
        messages.LiveView,
        re=ids,
        view=st.builds(
            messages.Look,
            time=_times,
            every=_times,
            cost=_times,
            states=st.dictionaries(texts, seqs, max_size=3),
            threads=st.lists(st.builds(messages.LiveThread, name=texts, state=texts), max_size=2),
            more_threads=seqs,
            members=st.lists(
                st.builds(messages.LiveMember, nick=texts, room=texts, lag=seqs), max_size=2
            ),
            more_members=seqs,
            lagging=seqs,
            messages=_times,
            deliveries=_times,
            drafts=seqs,
            commits=st.lists(
                st.builds(messages.LiveCommit, age=_times, messages=seqs, seconds=_times),
                max_size=2,
            ),
            locks=st.lists(
                st.builds(messages.LiveLock, name=texts, waiting=seqs, share=_times), max_size=2
            ),
        ),
        own=st.just(msgspec.UNSET) | _names,
    ),
    st.builds(messages.Oldest, room=texts, oldest=seqs),
    st.builds(messages.Goodbye, code=texts, text=texts),
)
