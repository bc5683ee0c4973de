"""`admin attendance`: who was in a room from when to when.

What is stored is one row for each name in each connection. Here rows that belong together become
one stay: a reconnect within a minute, a new nick on the way, two devices of one account.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from chat_server.admin.archive import StoredStay
from chat_server.admin.moments import iso
from chat_server.admin.show import csv_cell, harmless_json, table

Mark = tuple[str, object]
"""What tells whose a row is: an account, a session, or a nick."""


@dataclass(slots=True, eq=False)
class Stay:
    """A person's stay in a room. Times are Unix seconds.

    Attributes:
        nicks: what the person was called meanwhile, in order; no nick twice.
        account: whose, if somebody was logged in.
        came: when it began.
        gone: when it ended, or up to when it is known to have lasted.
        lasts: whether the person is there.
        marks: what it is known by.
    """

    nicks: list[str]
    account: str | None
    came: float
    gone: float
    lasts: bool
    marks: "set[Mark]"

    @property
    def minutes(self) -> float:
        """How long it was."""
        return round((self.gone - self.came) / 60, 1)


def merged(rows: Iterable[StoredStay], now: float, gap: float, running: bool) -> list[Stay]:
    """Return stays, by when they began.

    Args:
        rows: in the order of `came`.
        now: up to when rows that last are known to: Unix seconds.
        gap: seconds within which somebody who left and came back has not been away.
        running: whether there is a server: without one nobody is there.
    """
    stays: dict[int, Stay] = {}  # by identity, in the order in which they began
    latest: dict[Mark, Stay] = {}
    for row in rows:
        marks = _marks(row)
        known = [
            stay
            for stay in dict.fromkeys(latest[mark] for mark in marks if mark in latest)
            if row.came <= stay.gone + gap and _same(stay, row.account)
        ]
        stay = known[0] if known else Stay([], row.account, row.came, row.came, False, set())
        stays.setdefault(id(stay), stay)
        for other in known[1:]:
            if _same(stay, other.account):  # two of one person, as is known only now
                _join(stay, stays.pop(id(other)))
        _extend(stay, row, now, running)
        stay.marks.update(marks)
        latest.update(dict.fromkeys(stay.marks, stay))
    return sorted(stays.values(), key=lambda stay: stay.came)


def as_csv(stays: Sequence[Stay], room: str) -> Iterator[str]:
    """Yield lines for a spreadsheet: times are local, and the zone has a column of its own."""
    yield _csv(
        ["room", "nick", "account", "from", "until", "zone", "minutes", "there now", "nicks"]
    )
    for stay in stays:
        cells = [room, stay.nicks[0], stay.account or "", _local(stay.came), _local(stay.gone)]
        texts = [csv_cell(cell) for cell in cells]
        # Signs that are ours: an offset is no formula of somebody's, but begins like one.
        zone = f"UTC{datetime.fromtimestamp(stay.came).astimezone():%z}"
        lasts = "yes" if stay.lasts else "no"
        yield _csv([*texts, zone, str(stay.minutes), lasts, csv_cell(" ".join(stay.nicks))])


def as_json(stays: Sequence[Stay], room: str) -> Iterator[str]:
    """Yield an object for each stay, on a line of its own."""
    for stay in stays:
        record = {
            "room": room,
            "nick": stay.nicks[0],
            "nicks": stay.nicks,
            "account": stay.account,
            "from": iso(stay.came),
            "until": iso(stay.gone),
            "minutes": stay.minutes,
            "there_now": stay.lasts,
        }
        yield harmless_json(json.dumps(record, ensure_ascii=False))


def as_text(stays: Sequence[Stay], _: str) -> Iterator[str]:
    """Yield the lines of a table."""
    rows = [
        (
            _named(stay),
            stay.account or "",
            f"{_local(stay.came)} {_zone(stay.came)}",
            "there now" if stay.lasts else f"{_local(stay.gone)} {_zone(stay.gone)}",
            stay.minutes,
        )
        for stay in stays
    ]
    yield table(("nick", "account", "from", "until", "minutes"), rows, colours=False)


FORMATS: dict[str, Callable[[Sequence[Stay], str], Iterator[str]]] = {
    "csv": as_csv,
    "json": as_json,
    "txt": as_text,
}


def _marks(row: StoredStay) -> list[Mark]:
    """What tells whose a row is: the account before all else, the nick if there is none."""
    marks: list[Mark] = []
    if row.account is not None:
        marks.append(("account", row.account))
    if row.session is not None:
        marks.append(("session", row.session))
    if row.account is None:
        marks.append(("nick", row.nick.casefold()))
    return marks


def _same(stay: Stay, account: str | None) -> bool:
    """Whether a stay can be of who has an account, or of somebody of whom none is known."""
    return None in (stay.account, account) or stay.account == account


def _join(stay: Stay, other: Stay) -> None:
    stay.nicks += [nick for nick in other.nicks if nick not in stay.nicks]
    stay.account = stay.account or other.account
    stay.came, stay.gone = min(stay.came, other.came), max(stay.gone, other.gone)
    stay.lasts = stay.lasts or other.lasts
    stay.marks |= other.marks


def _extend(stay: Stay, row: StoredStay, now: float, running: bool) -> None:
    if row.nick not in stay.nicks:
        stay.nicks.append(row.nick)
    stay.account = stay.account or row.account
    stay.gone = max(stay.gone, max(row.came, now) if row.gone is None else row.gone)
    stay.lasts = stay.lasts or (row.gone is None and running)


def _named(stay: Stay) -> str:
    first, *others = stay.nicks
    return f"{first} (also {', '.join(others)})" if others else first


def _local(time: float) -> str:
    return datetime.fromtimestamp(time).strftime("%Y-%m-%d %H:%M:%S")


def _zone(time: float) -> str:
    return datetime.fromtimestamp(time).astimezone().strftime("%Z")


def _csv(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()
