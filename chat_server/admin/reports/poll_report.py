"""What `admin polls` writes: the results of a room's polls, from its log."""

import json
from collections.abc import Callable, Iterable, Iterator

from msgspec import UnsetType

from chat_server.admin.moments import iso, shown
from chat_server.admin.show import harmless_json, one_line
from protocol.messages import Message, PollResult
from protocol.messages.poll_table import poll_csv


def as_text(messages: Iterable[Message]) -> Iterator[str]:
    """Yield a line for each question, and one with an indent for each of its options."""
    for message, poll, counts in _results(messages):
        yield f"{shown(message.time)}  {one_line(f'{poll.by}: {poll.question}')}"
        voters = _voters(poll)
        for option, count, nicks in zip(poll.options, counts, voters, strict=True):
            named = f" ({', '.join(nicks)})" if nicks else ""
            yield f"    {count:5}  {one_line(option + named)}"


def as_csv(messages: Iterable[Message]) -> Iterator[str]:
    """Yield lines for a spreadsheet."""
    return poll_csv(messages, iso)


def as_json(messages: Iterable[Message]) -> Iterator[str]:
    """Yield an object for each result, on a line of its own."""
    for message, poll, counts in _results(messages):
        record = {
            "room": message.room,
            "seq": message.seq,
            "asked": iso(poll.time),
            "ended": iso(message.time),
            "by": poll.by,
            "question": poll.question,
            "options": list(poll.options),
            "counts": list(counts),
            "voters": _voters(poll) if poll.named else None,
        }
        yield harmless_json(json.dumps(record, ensure_ascii=False))


FORMATS: dict[str, Callable[[Iterable[Message]], Iterator[str]]] = {
    "txt": as_text,
    "csv": as_csv,
    "json": as_json,
}
"""The formats, by the name that --format has for them."""


def _results(messages: Iterable[Message]) -> Iterator[tuple[Message, PollResult, list[int]]]:
    for message in messages:
        poll = message.poll
        if not isinstance(poll, UnsetType) and not isinstance(poll.counts, UnsetType):
            yield message, poll, list(poll.counts)


def _voters(poll: PollResult) -> list[list[str]]:
    if isinstance(poll.voters, UnsetType):
        return [[] for _ in poll.options]
    return [list(nicks) for nicks in poll.voters]
