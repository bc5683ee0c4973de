"""The results of polls as a table for a spreadsheet."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import UnsetType

from protocol.common.unsafe_characters import UNSAFE
from protocol.messages.events import Message

HEADS = ("room", "seq", "asked", "ended", "by", "question", "option", "votes", "voters")

_unsafe = re.compile(f"[{UNSAFE}]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def poll_csv(messages: Iterable[Message], shown: Callable[[float], str]) -> Iterator[str]:
    """Yield lines of CSV (RFC 4180): the heads, then a line for each option of each result.

    No spreadsheet takes what somebody wrote for a formula.

    Args:
        messages: of a room. Those that are no result of a poll are left out.
        shown: returns a time, in Unix seconds, as it is to be written.
    """
    yield _line(HEADS)
    for message in messages:
        poll = message.poll
        if isinstance(poll, UnsetType) or isinstance(poll.counts, UnsetType):
            continue
        voters = [] if isinstance(poll.voters, UnsetType) else list(poll.voters)
        voters += [()] * (len(poll.options) - len(voters))
        about = (message.room, str(message.seq), shown(poll.time), shown(message.time), poll.by)
        for option, count, nicks in zip(poll.options, poll.counts, voters, strict=False):
            cells = (*about, poll.question, option, str(count), ", ".join(nicks))
            yield _line([_harmless(cell) for cell in cells])


def _harmless(cell: str) -> str:
    plain = _unsafe.sub(" ", cell)
    return f"'{plain}" if plain.lstrip(" ").startswith(_FORMULA) else plain


def _line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()
