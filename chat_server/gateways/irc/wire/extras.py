"""Extras: what IRC clients say with a message, and what no log keeps: tags of their own, and that
it was a NOTICE.

They are noted by the sender's connection before the message is posted, and found by whoever writes
it for IRC clients. It is no more than a short memory: what is older comes without them.
"""

import threading
from collections import OrderedDict, defaultdict, deque
from collections.abc import Mapping

from msgspec import Struct, field

from chat_server.storage.interface import UNNUMBERED
from protocol.messages import Message

_REMEMBERED = 2_000
"""How many messages are remembered with their extras."""


class Extra(Struct, gc=False):
    """What was said besides the text.

    Attributes:
        command: PRIVMSG or NOTICE.
        tags: the client's own, whose names begin with a `+`.
        msgid: of a message to one person, which has no place in a log.
        time: when such a message was sent, in Unix seconds; 0.0 until it was.
    """

    command: str = "PRIVMSG"
    tags: Mapping[str, str] = field(default_factory=dict)
    msgid: str = ""
    time: float = 0.0


Key = tuple[str, str, str]
"""To which room, or nick, from which nick, and the text."""

PLAIN = Extra()
"""What nearly every message has."""


class Extras:
    """The memory. Any thread may call any method."""

    def __init__(self) -> None:
        # Guards all below. A leaf, also taken with the lock of an outbox held.
        self._lock = threading.Lock()
        self._waiting: defaultdict[Key, deque[Extra]] = defaultdict(deque)
        self._known: OrderedDict[tuple[str, int], Extra] = OrderedDict()  # by room and seq

    def note(self, key: Key, extra: Extra) -> None:
        """Remember what is said with a message that is about to be posted."""
        with self._lock:
            self._waiting[key].append(extra)

    def forget(self, key: Key, extra: Extra) -> None:
        """Forget it, if nobody has asked for it: it was not posted, or has been delivered."""
        with self._lock:
            waiting = self._waiting.get(key)
            if waiting and extra in waiting:
                waiting.remove(extra)
                self._drop_if_empty(key)

    def of_message(self, message: Message) -> Extra:
        """Return what was said with a message of a room."""
        if not self._waiting and not self._known:  # nearly always: read without the lock
            return PLAIN
        place = message.room, message.seq
        key = message.room, message.from_, message.text
        with self._lock:
            if message.seq == UNNUMBERED:  # it is only looked at whether it can be written
                waiting = self._waiting.get(key)
                return waiting[0] if waiting else PLAIN
            known = self._known.get(place)
            if known is None and self._waiting:
                known = self._take(key)
                if known is not None:
                    self._known[place] = known
                    if len(self._known) > _REMEMBERED:
                        self._known.popitem(last=False)
        return known or PLAIN

    def of_direct(self, key: Key) -> Extra | None:
        """Return, and forget, what was said with a message to one person."""
        with self._lock:
            return self._take(key)

    # -- with the lock held

    def _take(self, key: Key) -> Extra | None:
        waiting = self._waiting.get(key)
        if not waiting:
            return None
        extra = waiting.popleft()
        self._drop_if_empty(key)
        return extra

    def _drop_if_empty(self, key: Key) -> None:
        if not self._waiting[key]:
            del self._waiting[key]
