"""The class list against the attendance."""

import csv
import json

import pytest

from chat_server.admin.classes.presence_report import (
    FORMATS,
    Lesson,
    Presence,
    as_csv,
    as_html,
    presences,
)
from chat_server.admin.reports.attendance_report import Stay
from chat_server.identity.store.records import Pupil

T = 1_795_168_800.0  # 2026-11-20 10:00 UTC
LESSON = Lesson(T, T + 45 * 60, 300.0)


def pupil(number: int, nick: str) -> Pupil:
    """Somebody on the list."""
    return Pupil(number, "10b", nick.upper(), nick, number)


def stay(nick: str, came: float, gone: float, *, lasts: bool = False, guest: bool = False) -> Stay:
    """A stay from one minute of the lesson to another."""
    account = None if guest else nick
    return Stay([nick], account, T + came * 60, T + gone * 60, lasts, set())


@pytest.mark.parametrize(
    ("stays", "state", "minutes"),
    [
        ([], "absent", 0.0),
        ([stay("ana", -5, 45)], "present", 45.0),
        ([stay("ANA", 4, 41)], "present", 37.0),
        ([stay("ana", 6, 45)], "late", 39.0),
        ([stay("ana", 0, 30)], "left early", 30.0),
        ([stay("ana", 10, 30)], "late, left early", 20.0),
        ([stay("ana", 0, 20), stay("ana", 30, 44)], "present", 34.0),
        ([stay("ana", 0, 30), stay("ana", 20, 45)], "present", 45.0),
        ([stay("ana", 0, 10, lasts=True)], "present", 10.0),
        ([stay("ana", -60, -10)], "absent", 0.0),
        ([stay("ana", 46, 60)], "absent", 0.0),
        ([stay("ana", 0, 45, guest=True)], "absent", 0.0),
    ],
)
def test_who_was_there(stays: list[Stay], state: str, minutes: float) -> None:
    """By the account; a nick without it is whatever somebody typed."""
    row = presences([pupil(1, "ana")], stays, LESSON)[0]
    assert (row.state, row.minutes) == (state, minutes)


def test_without_a_lesson_there_is_no_late() -> None:
    """Present or absent."""
    rows = presences(
        [pupil(1, "ana"), pupil(2, "ben")], [stay("ana", 30, 31)], Lesson(None, None, 0.0)
    )
    assert [row.state for row in rows] == ["present", "absent"]


def test_who_is_not_on_the_list_stands_behind_it() -> None:
    """Guests, and accounts of others."""
    stays = [stay("zoe", 0, 45, guest=True), stay("ana", 0, 45), stay("tea", 0, 45)]
    rows = presences([pupil(1, "ana")], stays, LESSON)
    assert [(row.nick, row.state) for row in rows] == [
        ("ana", "present"),
        ("tea", "not on the list"),
        ("zoe", "not on the list"),
    ]


def test_no_cell_is_a_formula_and_no_markup_gets_through() -> None:
    """Names are what somebody wrote into a file."""
    row = Presence("=1+1", "<b>&\u202e", "+ana", "present", T, T + 60, 1.0)
    lines = list(as_csv([row], "lobby", LESSON))
    (cells,) = csv.DictReader(lines)
    assert (cells["class"], cells["nick"]) == ("'=1+1", "'+ana")
    page = "\n".join(as_html([row], "lobby", LESSON))
    assert "<b>" not in page
    assert "\u202e" not in page


def test_every_format_has_everybody() -> None:
    """Also who was not there."""
    rows = presences([pupil(1, "ana"), pupil(2, "ben")], [stay("ana", 0, 45)], LESSON)
    for name, write in FORMATS.items():
        whole = "\n".join(write(rows, "lobby", LESSON))
        assert all(word in whole for word in ("ana", "ben", "absent")), name
    record = json.loads(list(FORMATS["json"](rows, "lobby", LESSON))[1])
    assert record["came"] is None
