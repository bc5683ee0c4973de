"""The picture of a look, without a server."""

from typing import Any

import pytest
from rich.console import Console

from chat_server.admin.live.live_screen import member_key, picture, plain_line
from chat_server.admin.messages import LivePart
from protocol.messages import LiveCommit, LiveLock, LiveMember, LiveThread, Look


def look(**members: Any) -> Look:
    """A look at a server in which nothing happens, but for what is given."""
    usual: dict[str, Any] = {
        "time": 0.0,
        "every": 0.09,
        "cost": 0.004,
        "states": {"recv": 1},
        "threads": [LiveThread("connection 10.0.0.7:4711", "recv", "sock.recv(1)", nick="ana")],
        "more_threads": 0,
        "members": [LiveMember("ana", "lobby")],
        "more_members": 0,
        "lagging": 0,
        "messages": 0.0,
        "deliveries": 0.0,
        "drafts": 0,
        "commits": [],
        "locks": [],
    }
    return Look(**{**usual, **members})


def shown(
    seen: Look, *, own: list[str] | None = None, columns: int = 120, rows: int = 30, told: str = ""
) -> list[str]:
    """The lines on a terminal of that size."""
    console = Console(width=columns, height=rows, color_system=None)
    with console.capture() as capture:
        console.print(picture(LivePart(seen, own), "lobby ana", told, columns, rows))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_what_stands_where() -> None:
    """Numbers, commits and locks above; threads, and beside them members; the keys below."""
    lines = shown(
        look(
            messages=1234.4,
            deliveries=98765.0,
            commits=[LiveCommit(1.0, 7, 0.002), LiveCommit(0.5, 3, 0.001)],
            locks=[LiveLock("Outbox._lock", 2, 0.25)],
            members=[
                LiveMember("ana", "lobby", 250, 4096, behind=True),
                LiveMember("ben", "lobby"),
            ],
            lagging=1,
        )
    )
    assert lines[0].startswith("1,234 messages/s   98,765 deliveries/s   0 wait to be stored   1 b")
    assert "5 in the middle, 7 at most" in lines[1]
    assert "1.50 ms, 2.00 at most" in lines[1]
    assert lines[2] == "locks Outbox._lock 2 now, in 25 % of the looks"
    assert lines[4].startswith("ana 10.0.0.7:4711 recv   sock.recv(1)")
    assert lines[4].endswith("ana in lobby ██████████ 250 catches up")
    assert lines[5].split() == ["ben", "in", "lobby", "0"]
    assert lines[-1] == "q quits"


def test_keys_are_named_where_they_do_something() -> None:
    """Only a server without limits lets connections be disturbed."""
    assert "s suspends it" in shown(look(), own=["ana"])[-1]
    assert shown(look(), own=["ana"], told="ana: suspend.")[-1] == "ana: suspend."


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_of_many_there_are_as_many_as_fit(columns: int) -> None:
    """With how many there are besides; nothing is wider or higher than the terminal."""
    seen = look(
        threads=[LiveThread(f"t{number}", "wait", "x" * 60) for number in range(200)],
        states={"wait": 200, "recv": 4800},
        more_threads=4800,
        members=[LiveMember(f"n{number}", "lobby", 1) for number in range(200)],
        more_members=50,
        lagging=250,
    )
    for rows in (10, 24, 60):
        lines = shown(seen, columns=columns, rows=rows)
        assert len(lines) <= rows
        assert all(len(line) <= columns for line in lines)
        assert sum("more" in line for line in lines)
    wide = shown(seen, rows=60)
    listed = sum(line.startswith("t") for line in wide)
    assert f"and {5000 - listed:,} more" in "\n".join(wide)


def test_names_drive_no_terminal_and_are_no_markup() -> None:
    """Whoever chose them."""
    seen = look(members=[LiveMember("[red]a\x1b[2J\u202e", "lobby", 3)], lagging=1)
    for text in ("\n".join(shown(seen)), plain_line(seen)):
        assert "[red]a" in text
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_as_a_line() -> None:
    """Who lags is named."""
    seen = look(
        members=[LiveMember("ana", "lobby", 1250)],
        lagging=1,
        messages=12.0,
        locks=[LiveLock("Room._lock", 3, 1.0)],
    )
    assert plain_line(seen) == (
        "12 messages/s, 0 deliveries/s, 0 wait to be stored, 1 threads, 1 members behind, "
        "ana by 1,250 in lobby, 3 wait for Room._lock"
    )


def test_a_member_is_known_by_room_and_nick() -> None:
    """One person may be in several rooms."""
    assert member_key(LiveMember("ana", "lobby")) != member_key(LiveMember("ana", "ops"))
