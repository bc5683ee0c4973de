"""How the messages of rooms are written for IRC clients: one codec for each set of tags that they
may ask for, shared by all who ask for the same.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType

from chat_server.gateways.irc.wire.extras import Extra, Extras
from chat_server.gateways.irc.wire.irc_lines import build, cut, encoded, space_for_text, tagged
from chat_server.gateways.irc.wire.names import SERVER, Names, channel_of, source
from chat_server.rooms.codec import Encoded
from protocol.messages import Message, ServerMessage

REPLY_TAGS = ("+draft/reply", "+reply")
"""What names the message that one answers, by its msgid (IRCv3 reply client tag)."""

_ACTION = "\x01ACTION "
_ACTION_END = "\x01"


def milliseconds(time: float) -> int:
    """Return a time, in Unix seconds, in milliseconds, as IRC clients read it."""
    return round(time * 1_000_000) // 1000


def server_time(time: float) -> str:
    """Return a time, in Unix seconds, as the tag `time` has it (IRCv3 server-time)."""
    seconds, rest = divmod(milliseconds(time), 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


def said(who: str, command: str, target: str, text: str, *, action: bool = False) -> list[str]:
    """Return a text as the lines that say it.

    Args:
        who: the source of the lines.
        command: PRIVMSG or NOTICE.
        target: a channel or a nick.
        text: any.
        action: whether it is what somebody does.
    """
    before, behind = (_ACTION, _ACTION_END) if action else ("", "")
    space = space_for_text(who, command, target) - len(before) - len(behind)
    return [
        build(who, command, target, text=f"{before}{piece}{behind}") for piece in cut(text, space)
    ]


class IrcCodec:
    """Writes messages with some tags or none."""

    def __init__(
        self, names: Names, extras: Extras, *, time: bool, tags: bool, redacts: bool
    ) -> None:
        """
        Args:
            names: what people are called.
            extras: what was said besides the texts.
            time: whether each line has the time of its message.
            tags: whether the first line of a message has its `msgid` and the tags of the client.
            redacts: whether a deletion is written as REDACT (IRCv3 draft/message-redaction).
        """
        self._names = names
        self._extras = extras
        self._time = time
        self._tags = tags
        self._redacts = redacts

    def encode(self, event: ServerMessage) -> bytes:
        """Return a message; nothing for other events, which each connection writes by itself."""
        return encoded(self.lines(event)) if isinstance(event, Message) else b""

    def encode_messages(self, messages: Sequence[Message]) -> Encoded:
        """Return a batch of messages in one buffer."""
        written = [encoded(self.lines(message)) for message in messages]
        return Encoded.of(written)

    def lines(self, message: Message) -> list[str]:
        """Return a message of a room as lines with their tags."""
        extra = self._extras.of_message(message)
        return self.with_tags(
            self._plain(message, extra.command),
            message.time,
            f"{message.room}/{message.seq}",
            extra,
            _answers(message),
        )

    def with_tags(
        self,
        lines: list[str],
        time: float,
        msgid: str,
        extra: Extra,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> list[str]:
        """Return the lines of one message with the tags that this codec writes.

        What names or explains the whole message is on its first line alone.
        """
        every = {"time": server_time(time)} if self._time else {}
        first = every
        if self._tags:
            first = {**every, **({"msgid": msgid} if msgid else {}), **extra.tags, **more}
        return [tagged(every if number else first, line) for number, line in enumerate(lines)]

    def _plain(self, message: Message, command: str) -> list[str]:
        channel = channel_of(message.room)
        who = source(self._names.shown(message.from_))
        if message.kind == "topic":
            return [build(who, "TOPIC", channel, text=message.text)]
        if message.kind == "notice":
            return said(SERVER, "NOTICE", channel, message.text)
        if message.kind == "edit":
            about = f"(edited message {message.changes}) "
            return said(who, "NOTICE", channel, f"{about}{message.text}")
        if message.kind == "delete" and self._redacts:
            return [_redaction(who, channel, message)]
        if message.kind == "delete":
            return said(who, "NOTICE", channel, f"({message.text})")
        text = f"{message.text} (edited)" if message.edited else message.text
        return said(who, command, channel, text, action=message.kind == "action")


def _redaction(who: str, channel: str, message: Message) -> str:
    """A deletion as one line, whose reason is cut where it is too long."""
    msgid = f"{message.room}/{message.changes}"
    why = message.text.removeprefix(f"deleted message {message.changes}").removeprefix(": ")
    shown = cut(why, space_for_text(who, "REDACT", f"{channel} {msgid}"))[0] if why else None
    return build(who, "REDACT", channel, msgid, text=shown)


def _answers(message: Message) -> dict[str, str]:
    """The tags that name what a message answers or changes."""
    about = message.reply_to or message.changes
    if not about:
        return {}
    msgid = f"{message.room}/{about}"
    return dict.fromkeys(REPLY_TAGS, msgid)
