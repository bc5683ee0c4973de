"""The status line at the bottom of the screen: the state, the rooms, the server."""

import time

from msgspec import UnsetType

from chat_client.display.state.model import View
from chat_client.display.state.room_view import RoomView
from chat_client.display.text import cells, one_line
from chat_client.display.transfers import shown
from chat_client.events import MEMBER


def changes_by_itself(view: View) -> bool:
    """Return whether the status line changes without an event."""
    return (
        not view.connected
        or bool(view.transfers)
        or any(room.behind for room in view.rooms.values())
    )


def status_line(view: View, round_trip: float | None, width: int) -> str:
    """Return as much of the status line as fits.

    Args:
        view: the state of the client.
        round_trip: seconds to the server and back, if known.
        width: of the terminal, in cells.
    """
    here = view.current
    parts = [_state(view)]
    if view.transfers:
        parts.append(shown(view.transfers))
    parts.append(_place(here, view.nick) if here else "no room")
    activity = _activity(view)
    if activity:
        parts.append(activity)
    if view.role != MEMBER:
        parts.append(view.role)
    if view.away is not None:
        parts.append("away")
    if round_trip is not None and view.connected:
        parts.append(f"{round_trip * 1000:.0f} ms" if round_trip >= 0.001 else "<1 ms")
    parts.append(f"{view.nick}@{view.server}")
    while len(parts) > 1 and cells(" | ".join(parts)) > width - 2:
        parts.pop()
    return one_line(f" {' | '.join(parts)}")


def _state(view: View) -> str:
    if not view.connected:
        if view.retry_at is None:
            return "not connected"
        left = view.retry_at - time.monotonic()
        return f"reconnecting in {left:.0f} s" if left >= 0.5 else "reconnecting"
    late = [room for room in view.rooms.values() if room.behind and room.again]
    if late:
        done = sum(room.heard - room.after for room in late)
        return f"catching up {done}/{sum(room.last - room.after for room in late)}"
    return "connected"


def _place(room: RoomView, nick: str) -> str:
    frozen = ", frozen" if room.frozen else ""
    hands = f", {room.hands} hand{'s' if room.hands > 1 else ''} up" if room.hands else ""
    pins = f", {len(room.pins)} pinned" if room.pins else ""
    turn = f"{_turn(room, nick)}{_votes(room)}"
    return f"#{room.name} {room.members} here{frozen}{hands}{turn}{pins}"


def _turn(room: RoomView, nick: str) -> str:
    """Whose turn it is, and where the user's own hand stands."""
    floor = ""
    if room.floor:
        floor = f", {'you have' if room.floor == nick else f'{room.floor} has'} the floor"
    place = f", your hand is number {room.place}" if room.place else ""
    return floor + place


def _votes(room: RoomView) -> str:
    """The poll: for who asked, with the votes so far."""
    poll = room.poll
    if poll is None:
        return ""
    if isinstance(poll.counts, UnsetType):
        return ", a poll is open: /vote"
    return f", poll: {'/'.join(str(count) for count in poll.counts)}"


def _activity(view: View) -> str:
    """Return the rooms with their numbers. In `2:ops 3` 3 messages are unread; `!` marks a mention
    of the user, `+` that people came or went.
    """
    if len(view.rooms) < 2:
        return ""
    told = []
    for number, room in enumerate(view.rooms.values(), 1):
        mark = f" {room.unread}" if room.unread else "+" if room.stirred else ""
        told.append(f"{number}:{room.name}{mark}{'!' if room.mentioned else ''}")
    return " ".join(told)
