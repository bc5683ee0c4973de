"""Events as records for a program, one line each. Their format is stable.

A plain record is `TIME #ROOM <NICK> TEXT`, in UTC; docs/client.md lists them all. A JSON record has
a `type` and the members of the event. Neither can control a terminal: the first is stripped of
control characters, the second is ASCII.
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
"""Replaces a line feed in a plain record."""

RECORD_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def plain(clock: Clock) -> Record:
    """Return a function that turns a message into a plain record, and other events into None.

    Args:
        clock: shows the times.
    """

    def record(event: Event) -> str | None:
        match event:
            case Message(kind="action"):
                said = f"#{event.room} * {event.from_} {event.text}"
            case Message(kind="topic", text=""):
                said = f"#{event.room} -- {event.from_} cleared the topic"
            case Message(kind="topic"):
                said = f"#{event.room} -- {event.from_} set the topic: {event.text}"
            case Message(kind="edit", deleted=False):
                said = (
                    f"#{event.room} -- {event.from_} edited message {event.changes}: {event.text}"
                )
            case Message(kind="edit" | "delete"):
                what = "deleted" if event.kind == "delete" else "edited"
                said = f"#{event.room} -- {event.from_} {what} message {event.changes}"
            case Message(kind="notice" | "poll"):
                said = f"#{event.room} -- {event.from_}: {event.text}"
            case Message():
                said = f"#{event.room} <{event.from_}> {event.text}"
            case Direct(late=int()):
                said = f"[{event.from_}, late] {event.text}"
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
    """Return a JSON record for a line of the input that was not said.

    It has the protocol's code and the seconds to wait, or null.

    Args:
        line: its number, from 1.
        text: the line.
        error: why it was not said.
    """
    code = error.code if isinstance(error, Refused | Closed) else None
    delay = error.retry_after if isinstance(error, Refused) else None
    record = {"type": "refused", "line": line, "text": text, "reason": str(error)}
    return json.dumps({**record, "code": code, "retry_after": delay})
