"""`admin attendance --by person`: the class list, and who of it was there.

A person is known by the account that the list made for them: without it a nick is whatever somebody
typed.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from html import escape
from typing import NamedTuple

from chat_server.admin.moments import clock_shown, iso, shown
from chat_server.admin.reports.attendance_report import Stay
from chat_server.admin.show import csv_cell, harmless_json, one_line, table
from chat_server.identity.store.records import Pupil
from protocol.text import nick_key

ABSENT = "absent"
PRESENT = "present"
LATE = "late"
LEFT_EARLY = "left early"
GUEST = "not on the list"


class Lesson(NamedTuple):
    """When a lesson was. Times are Unix seconds, None where nobody said.

    Attributes:
        begin: when it began.
        end: when it ended.
        grace: seconds that one may come after `begin`, or leave before `end`.
    """

    begin: float | None
    end: float | None
    grace: float


class Presence(NamedTuple):
    """One person, and whether they were there.

    Attributes:
        group: the class that they are in; "" for who is on no list.
        name: the person's; "" likewise.
        nick: the nick that is reserved for them, or the one they had.
        state: `present`, `late`, `left early`, both of those, or `absent`.
        came: when they first came, in Unix seconds; None if they did not.
        gone: when they last left, or up to when they are known to have been there.
        minutes: how long they were there within the lesson.
    """

    group: str
    name: str
    nick: str
    state: str
    came: float | None
    gone: float | None
    minutes: float


def presences(pupils: Iterable[Pupil], stays: Sequence[Stay], lesson: Lesson) -> list[Presence]:
    """Return who of a list was there, in its order, and behind them who was there besides.

    Args:
        pupils: who is on the list.
        stays: who was there; those that do not touch the lesson are passed over.
        lesson: when it was.
    """
    within = [stay for stay in stays if _touches(stay, lesson)]
    of_account: dict[str, list[Stay]] = {}
    guests: dict[str, list[Stay]] = {}
    for stay in within:
        if stay.account is None:
            guests.setdefault(nick_key(stay.nicks[0]), []).append(stay)
        else:
            of_account.setdefault(nick_key(stay.account), []).append(stay)
    found = [
        _presence(each.group, each.name, each.nick, of_account.pop(nick_key(each.nick), []), lesson)
        for each in pupils
    ]
    for theirs in (*of_account.values(), *guests.values()):
        nick = theirs[0].account or theirs[0].nicks[0]
        found.append(_presence("", "", nick, theirs, lesson)._replace(state=GUEST))
    return found


def as_text(rows: Sequence[Presence], _: str, __: Lesson) -> Iterator[str]:
    """Yield the lines of a table."""
    heads = ("class", "name", "nick", "state", "came", "left", "minutes")
    cells = [
        (
            row.group,
            row.name,
            row.nick,
            row.state,
            "" if row.came is None else shown(row.came),
            "" if row.gone is None else shown(row.gone),
            row.minutes,
        )
        for row in rows
    ]
    yield table(heads, cells, colours=False)


def as_csv(rows: Sequence[Presence], room: str, _: Lesson) -> Iterator[str]:
    """Yield lines for a spreadsheet: times are local, and the zone has a column of its own."""
    yield _csv(["room", "class", "name", "nick", "state", "came", "left", "zone", "minutes"])
    for row in rows:
        texts = [csv_cell(text) for text in (room, row.group, row.name, row.nick, row.state)]
        zone = "" if row.came is None else f"UTC{datetime.fromtimestamp(row.came).astimezone():%z}"
        yield _csv([*texts, _local(row.came), _local(row.gone), zone, str(row.minutes)])


def as_json(rows: Sequence[Presence], room: str, _: Lesson) -> Iterator[str]:
    """Yield an object for each person, on a line of its own."""
    for row in rows:
        record = {
            "room": room,
            "class": row.group,
            "name": row.name,
            "nick": row.nick,
            "state": row.state,
            "came": None if row.came is None else iso(row.came),
            "left": None if row.gone is None else iso(row.gone),
            "minutes": row.minutes,
        }
        yield harmless_json(json.dumps(record, ensure_ascii=False))


_STYLE = """
body { font: 11pt/1.4 system-ui, sans-serif; margin: 1cm; color: #000; background: #fff }
table { border-collapse: collapse }
th, td { text-align: left; padding: 1mm 3mm; border-bottom: 1px solid #bbb }
tr { break-inside: avoid }
.absent td { font-weight: bold }
"""


def as_html(rows: Sequence[Presence], room: str, lesson: Lesson) -> Iterator[str]:
    """Yield the lines of a page to print."""
    title = f"Attendance of #{_shown(room)}"
    when = " to ".join(shown(each) for each in (lesson.begin, lesson.end) if each is not None)
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>"
    if when:
        yield f"<p>{_shown(when)}</p>"
    yield "<table>\n<thead><tr><th>Class</th><th>Name</th><th>Nick</th><th>State</th>"
    yield "<th>Came</th><th>Left</th><th>Minutes</th></tr></thead>\n<tbody>"
    for row in rows:
        times = ["" if each is None else clock_shown(each) for each in (row.came, row.gone)]
        cells = [row.group, row.name, row.nick, row.state, *times, str(row.minutes)]
        mark = ' class="absent"' if row.state == ABSENT else ""
        yield f"<tr{mark}>{''.join(f'<td>{_shown(cell)}</td>' for cell in cells)}</tr>"
    yield "</tbody>\n</table>\n</body>\n</html>"


FORMATS: dict[str, Callable[[Sequence[Presence], str, Lesson], Iterator[str]]] = {
    "csv": as_csv,
    "html": as_html,
    "json": as_json,
    "txt": as_text,
}
"""The formats, by the name that --format has for them."""


def _touches(stay: Stay, lesson: Lesson) -> bool:
    if lesson.end is not None and stay.came >= lesson.end:
        return False
    return lesson.begin is None or stay.gone > lesson.begin or stay.lasts


def _presence(group: str, name: str, nick: str, stays: Sequence[Stay], lesson: Lesson) -> Presence:
    if not stays:
        return Presence(group, name, nick, ABSENT, None, None, 0.0)
    came, gone = min(stay.came for stay in stays), max(stay.gone for stay in stays)
    lasts = any(stay.lasts for stay in stays)
    late = lesson.begin is not None and came > lesson.begin + lesson.grace
    early = lesson.end is not None and not lasts and gone < lesson.end - lesson.grace
    state = ", ".join(word for word, holds in ((LATE, late), (LEFT_EARLY, early)) if holds)
    return Presence(group, name, nick, state or PRESENT, came, gone, _minutes(stays, lesson))


def _minutes(stays: Sequence[Stay], lesson: Lesson) -> float:
    """How long somebody was there within the lesson; two stays at once count once."""
    seconds, reached = 0.0, float("-inf") if lesson.begin is None else lesson.begin
    for stay in sorted(stays, key=lambda each: each.came):
        end = stay.gone if lesson.end is None else min(stay.gone, lesson.end)
        seconds += max(0.0, end - max(stay.came, reached))
        reached = max(reached, end)
    return round(seconds / 60, 1)


def _shown(text: str) -> str:
    return escape(one_line(text))


def _local(time: float | None) -> str:
    return "" if time is None else datetime.fromtimestamp(time).strftime("%Y-%m-%d %H:%M:%S")


def _csv(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()
