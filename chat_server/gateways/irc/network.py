"""The network: what all IRC connections of one server share."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable
from itertools import product
from typing import Any, NamedTuple, TypeVar
from weakref import WeakValueDictionary

import msgspec

from chat_server.gateways.irc.live import LiveServer
from chat_server.gateways.irc.wire import capabilities
from chat_server.gateways.irc.wire.extras import Extras
from chat_server.gateways.irc.wire.irc_codec import IrcCodec
from chat_server.gateways.irc.wire.names import Names
from chat_server.rooms.codec import Codec
from protocol.messages import Message, ServerMessage

_REMEMBERED = 1_000
"""How many kicks, reasons and topics are remembered."""

_DEPARTURE_SECONDS = 10.0
"""For so many seconds who leaves after a kick, or with a reason, leaves because of it."""

_TOPIC_SEARCH = 500
"""How far back it is looked for who set a topic, in messages."""

_TOPIC_SPACE = 256 * 1024
"""And in bytes: as many of the longest texts would take 8 MB."""


Key = TypeVar("Key")


class Relay(ServerMessage, frozen=True):
    """A line from one IRC client to others, which the protocol has no event for.

    Attributes:
        line: without tags.
        needs: the capability that whoever gets it must have; "" for none.
        msgid: its name, for a client that has message-tags.
        tags: the sender's own, for the same.
        time: when it was sent, in Unix seconds.
        nick: who sent it, and does not get it like this; "" if everybody does.
    """

    line: str
    needs: str
    nick: str
    time: float
    msgid: str = ""
    tags: dict[str, str] = msgspec.field(default_factory=dict)


class About(NamedTuple):
    """What an IRC client has said of its user. Immutable; another one takes its place.

    Attributes:
        away: why they are away; None if they are not.
        real_name: theirs.
        signed_on: when they came in, in Unix seconds.
        spoke: when they last said something, in Unix seconds.
    """

    away: str | None = None
    real_name: str = ""
    signed_on: float = 0.0
    spoke: float = 0.0


class Profile:
    """What is known of one IRC client's user, for as long as the connection holds it."""

    __slots__ = ("__weakref__", "about")

    def __init__(self) -> None:
        self.about = About()  # written by its connection alone; read by any thread


class KickDetails(NamedTuple):
    """Who threw somebody out, why, and when, in Unix seconds. `by` is "" if it was no IRC client;
    a notice of the room says more then.
    """

    by: str
    why: str
    time: float


class Reason(NamedTuple):
    """Why somebody leaves, and when, in Unix seconds."""

    why: str
    time: float


class TopicSetter(NamedTuple):
    """Who set a topic, and when, in Unix seconds."""

    topic: str
    nick: str
    time: float


class Network:
    """What they share. Any thread may call any method."""

    def __init__(self, live: LiveServer) -> None:
        """`live` is what is asked about the server."""
        self.live = live
        self.created = live.now()
        self.names = Names(live.is_here)
        self.extras = Extras()
        self._codecs = {
            (time, tags, redacts): IrcCodec(
                self.names, self.extras, time=time, tags=tags, redacts=redacts
            )
            for time, tags, redacts in product((False, True), repeat=3)
        }
        self._speaks = frozenset(self._codecs.values())
        # Guards all below. A leaf, also taken with the lock of an outbox held.
        self._lock = threading.Lock()
        self._profiles: WeakValueDictionary[str, Profile] = WeakValueDictionary()
        self._kicks: OrderedDict[str, KickDetails] = OrderedDict()
        # By nick and room, "" for all of them.
        self._reasons: OrderedDict[tuple[str, str], Reason] = OrderedDict()
        self._topics: OrderedDict[str, TopicSetter] = OrderedDict()
        # By nick and room, of people on other servers; in Unix seconds.
        self._parted: OrderedDict[tuple[str, str], float] = OrderedDict()

    def codec(self, has: frozenset[str]) -> IrcCodec:
        """Return the codec of those who have these capabilities."""
        redacts = capabilities.REDACTION in has
        return self._codecs[capabilities.TIME in has, capabilities.TAGS in has, redacts]

    def history_codec(self, has: frozenset[str]) -> IrcCodec:
        """Return the same for what was said before: nothing is taken back by it once more."""
        return self.codec(has - {capabilities.REDACTION})

    def new_msgid(self) -> str:
        """Return a name for a message that has no place in a log."""
        return secrets.token_urlsafe(12)

    def tell(self, rooms: Iterable[str], nicks: Iterable[str], relay: Relay) -> None:
        """Send a line to those in some rooms, or of some nicks, who are on IRC. No lock is held."""
        self.live.tell(rooms, nicks, relay, self._is_irc)

    def _is_irc(self, codec: Codec) -> bool:
        return codec in self._speaks

    # -- who is who

    def enter(self, nick: str, profile: Profile) -> None:
        """Know somebody by a nick: a new one, or another one."""
        with self._lock:
            self._profiles[nick] = profile

    def leave(self, nick: str, profile: Profile) -> None:
        """Know somebody by a nick no more."""
        with self._lock:
            if self._profiles.get(nick) is profile:
                del self._profiles[nick]

    def about(self, nick: str) -> About | None:
        """Return what is known of who has a nick, if they are on IRC."""
        with self._lock:
            profile = self._profiles.get(nick)
        return None if profile is None else profile.about

    def read_about(self, nick: str) -> About | None:
        """Return the same for somebody to read it: nothing that they wrote, while they are muted.
        No lock is held.
        """
        about = self.about(nick)
        if about is None or not (about.away or about.real_name) or not self.live.is_muted(nick):
            return about
        return about._replace(away=None, real_name="")

    # -- who leaves, and why

    def note_kick(self, nick: str, by: str, why: str) -> None:
        """Remember for a moment who throws whom out, so that IRC clients read it as a KICK."""
        with self._lock:
            self._kicks[nick] = KickDetails(by, why, self.live.now())
            _keep_latest(self._kicks, nick)

    def note_other_kick(self, nick: str) -> None:
        """Remember for a moment that somebody is thrown out, unless it is known by whom."""
        if self.kick_of(nick) is None:
            self.note_kick(nick, "", "")

    def forget_kick(self, nick: str) -> None:
        """Take `note_kick` back: it was refused."""
        with self._lock:
            self._kicks.pop(nick, None)

    def kick_of(self, nick: str) -> KickDetails | None:
        """Return how somebody was thrown out who left a moment ago, if they were."""
        with self._lock:
            kick = self._kicks.get(nick)
        return kick if kick is not None and self._is_recent(kick.time) else None

    def note_reason(self, nick: str, room: str, why: str) -> None:
        """Remember for a moment why somebody leaves a room, or all of them if `room` is ""."""
        with self._lock:
            self._reasons[nick, room] = Reason(why, self.live.now())
            _keep_latest(self._reasons, (nick, room))

    def reason_of(self, nick: str, room: str) -> str:
        """Return why somebody left a room, or all, a moment ago; "" if they did not say."""
        with self._lock:
            reason = self._reasons.get((nick, room))
        return reason.why if reason is not None and self._is_recent(reason.time) else ""

    def forget_reasons(self, nick: str, room: str) -> None:
        """Forget why somebody left who is in a room again, or for the first time."""
        with self._lock:
            self._reasons.pop((nick, room), None)
            self._reasons.pop((nick, ""), None)

    def note_elsewhere(self, room: str, gone: Iterable[str], parted: Collection[str]) -> None:
        """Remember for a moment who of those that left a room on another server are there still."""
        now = self.live.now()
        with self._lock:
            for nick in gone:
                self._parted.pop((nick, room), None)
            for nick in parted:
                self._parted[nick, room] = now
                _keep_latest(self._parted, (nick, room))

    def has_parted(self, nick: str, room: str) -> bool:
        """Return whether somebody on another server left a room alone a moment ago."""
        with self._lock:
            time = self._parted.get((nick, room))
        return time is not None and self._is_recent(time)

    def _is_recent(self, time: float) -> bool:
        return self.live.now() - time < _DEPARTURE_SECONDS

    # -- who set a topic

    def topic_setter(self, room: str) -> TopicSetter | None:
        """Return who set a room's topic; None if it has none. No lock is held.

        What cannot be found out any more is said of the server.
        """
        topic = self.live.topic(room)
        if not topic:
            return None
        with self._lock:
            known = self._topics.get(room)
        if known is None or known.topic != topic:
            known = self._find_setter(room, topic)
            with self._lock:
                self._topics[room] = known
                _keep_latest(self._topics, room)
        return known

    def _find_setter(self, room: str, topic: str) -> TopicSetter:
        for message in reversed(self.live.recent(room, _TOPIC_SEARCH, _TOPIC_SPACE)):
            if message.kind == "topic" and message.text == topic:
                return TopicSetter(topic, message.from_, message.time)
        return TopicSetter(topic, "", self.created)


def _keep_latest(found: OrderedDict[Key, Any], newest: Key) -> None:
    """Let one be the newest of those that are remembered, and forget the oldest."""
    found.move_to_end(newest)
    if len(found) > _REMEMBERED:
        found.popitem(last=False)


def replayed(messages: Iterable[Message]) -> list[Message]:
    """Return those that are shown again: no topics, which a client would take for the current."""
    return [message for message in messages if message.kind != "topic"]
