"""What happens in a chat, as records for a program: one line each, and the same next year.

A plain record is `TIME #ROOM <NICK> TEXT`, in UTC; docs/client.md has them all. A JSON record has a
`type` and the members of the event. Neither can drive a terminal: the first is stripped, the
second is ASCII.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import msgspec

from chat_client.display.text import printable
from chat_client.display.time_format import Clock
from chat_client.errors import ChatError, Closed, Refused
from chat_client.events import Event
from protocol.messages import Direct, Message, ServerMessage

Record = Callable[[Event], str | None]

_LINE_FEED = "\u23ce"
"""What stands for a line feed in a plain record: a return sign."""

RECORD_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def plain(clock: Clock) -> Record:
    """Return what makes plain records of messages, with times as `clock` shows them; of other
    events it makes None.
    """

    def record(event: Event) -> str | None:
        match event:
            case Message(kind="action"):
                said = f"#{event.room} * {event.from_} {event.text}"
            case Message(kind="topic", text=""):
                said = f"#{event.room} -- {event.from_} cleared the topic"
            case Message(kind="topic"):
                said = f"#{event.room} -- {event.from_} set the topic: {event.text}"
            case Message(kind="notice"):
                said = f"#{event.room} -- {event.from_}: {event.text}"
            case Message():
                said = f"#{event.room} <{event.from_}> {event.text}"
            case Direct():
                said = f"[{event.from_}] {event.text}"
            case _:
                return None
        when = clock.time(event.time)
        return printable(f"{when} {said}" if when else said).replace("\n", _LINE_FEED)

    return record


def as_json(event: Event) -> str:
    """Return any event as a JSON object."""
    members: dict[str, Any]
    if isinstance(event, ServerMessage):
        members = msgspec.to_builtins(event)
    else:
        members = {"type": type(event).__name__.lower(), **asdict(event)}
    return json.dumps(members)


def refused_as_json(line: int, text: str, error: ChatError) -> str:
    """Return a JSON record for a line that was not said, with the protocol's code if it has one
    and the seconds after which it may be said, if there are any.

    Args:
        line: which of the input, from 1.
        text: what it holds.
        error: why it was not said.
    """
    code = error.code if isinstance(error, Refused | Closed) else None
    delay = error.retry_after if isinstance(error, Refused) else None
    record = {"type": "refused", "line": line, "text": text, "reason": str(error)}
    return json.dumps({**record, "code": code, "retry_after": delay})
