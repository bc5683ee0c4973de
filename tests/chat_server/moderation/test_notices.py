"""Notices: each room has each of them once, and the reply waits for all."""

import threading
from pathlib import Path

import pytest

from chat_server.moderation.notices import OwnNotices
from chat_server.rooms.policy import RoomPolicy
from chat_server.rooms.room import Draft, Outlet, Room
from tests.chat_server.house import House, texts, whole_log
from tests.chat_server.moderation.order_house import OrderedHouse, ordered_house
from tests.support.clock import ManualClock
from tests.support.peer import Frame, Peer
from tests.support.servers import ServerProcess, running_server
from tests.support.waiting import DEADLINE


def _send_all_again(house: OrderedHouse, session: str, frames: list[Frame]) -> None:
    mia = house.enter("mia", session=session)
    for frame in frames:
        mia.send(frame)
        assert mia.reply(frame["id"])["type"] == "ok", frame
    mia.close()


def test_no_notice_is_written_twice(tmp_path: Path) -> None:
    """The same requests again: in one piece, after a reconnect, after a restart."""
    frames: list[Frame] = [
        {"type": "freeze", "id": 101, "room": "lobby"},
        {"type": "freeze", "id": 102},
        {"type": "unfreeze", "id": 103},
        {"type": "slow", "id": 104, "room": "lobby", "seconds": 3},
        {"type": "lock", "id": 105, "room": "lobby", "locked": True},
        {"type": "announce", "id": 106, "text": "hear me"},
        {"type": "announce", "id": 107, "text": "you too", "room": "garden"},
    ]
    with ordered_house(tmp_path) as place:
        bob = place.enter("bob", "lobby", "garden")
        for frame in frames * 2:
            place.mia.send(frame)
        for frame in frames * 2:
            assert place.mia.reply(frame["id"])["type"] == "ok"
        _send_all_again(place, place.mia.session, frames)
        logs = {room: whole_log(bob, room) for room in ("lobby", "garden")}
        ada, mia, session = place.ada.session, place.mia.session, bob.session
    assert len(texts(logs["lobby"])) == 6
    assert len(texts(logs["garden"])) == 4
    with running_server(tmp_path) as server, OrderedHouse(server, ada, mia) as place:
        bob = place.enter("bob", "lobby", "garden", session=session)
        _send_all_again(place, mia, frames)
        assert {room: whole_log(bob, room) for room in logs} == logs
        mia2 = place.enter("mia", "garden", session=mia)
        mia2.send({"type": "announce", "id": 200, "text": "new"})
        assert mia2.reply(200)["type"] == "ok"
        assert mia2.messages(1, "garden")[0]["text"] == "new"


def test_a_freeze_that_no_room_was_told_of_is_not_longer_when_it_is_asked_for_again(
    place: OrderedHouse, clock: ManualClock
) -> None:
    """No room has its notice."""
    place.ada.ok("leave", room="lobby")
    place.mia.ok("leave", room="lobby")
    freeze = {"type": "freeze", "id": 100, "seconds": 60}
    for _ in range(2):
        place.mia.send(freeze)
        assert place.mia.reply(100)["type"] == "ok"
        clock.advance(40)
        place.running.timers.wake()
    place.enter("bob", "lobby").say("lobby", "hi")


def test_what_one_session_asks_for_stands_in_order_across_a_take_over(
    place: OrderedHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old connection's thread is held up before it posts, where the new one could overtake."""
    post, held, overtaken = Room.post, threading.Event(), threading.Event()

    def post_late(room: Room, draft: Draft, policy: RoomPolicy | None) -> bool:
        if draft.message.text == "first":
            held.set()
            overtaken.wait(0.3)  # in vain: nobody may
        else:
            overtaken.set()
        return post(room, draft, policy)

    monkeypatch.setattr(Room, "post", post_late)
    place.mia.send({"type": "announce", "id": 100, "room": "lobby", "text": "first"})
    assert held.wait(DEADLINE)
    new = place.enter("mia", "lobby", session=place.mia.session)
    new.send({"type": "announce", "id": 101, "room": "lobby", "text": "second"})
    assert new.reply(101)["type"] == "ok"
    assert texts(whole_log(new, "lobby")) == ["first", "second"]


def test_a_notice_is_stored_when_its_ok_is_there(tmp_path: Path) -> None:
    """In every room: killed right after the `ok`, the server has them all when it comes again."""
    with ServerProcess.serve(tmp_path) as server:
        secret = server.secret
        with House(server.address) as house:
            ada = house.enter("ada", *(f"r{number}" for number in range(20)))
            ada.ok("claim", secret=secret)
            ada.ok("announce", text="hear me")
            server.kill()
        with server.restarted() as again, Peer.connect(again.address) as eva:
            eva.hello("eva")
            for number in range(20):
                eva.join(f"r{number}")
                assert texts(whole_log(eva, f"r{number}")) == ["hear me"]


def test_an_announcement_that_was_killed_under_way_is_in_each_room_once(tmp_path: Path) -> None:
    """Sent again, it is written where it is missing, and nowhere twice."""
    rooms = [f"r{number}" for number in range(30)]
    with ServerProcess.serve(tmp_path) as server:
        secret = server.secret
        with House(server.address) as house:
            ada = house.enter("ada", *rooms)
            ada.ok("claim", secret=secret)
            announce = {"type": "announce", "id": 500, "text": "hear me"}
            ada.send(announce)
            ada.messages(1)
            server.kill()
        with server.restarted() as again, House(again.address) as house:
            ada = house.enter("ada", *rooms, session=ada.session)
            for _ in range(2):
                ada.send(announce)
                assert ada.reply(500)["type"] == "ok"
            for room in rooms:
                assert texts(whole_log(ada, room)) == ["hear me"]


class _Counting(OwnNotices):
    """Knows how many of its notices are settled."""

    def __init__(self) -> None:
        super().__init__("ada")
        self.settled = 0

    def settle(self, draft: Draft, *, stored: bool = True) -> tuple[Outlet, ...]:
        self.settled += 1
        return super().settle(draft, stored=stored)


def test_a_room_that_was_given_up_takes_no_notice() -> None:
    """There may be another of its name by now, whose log begins at 1 as well."""
    turns: list[Room] = []
    room = Room("shed", "", 0, turns.append, lambda _: None)
    assert room.give_up(0)
    author = _Counting()
    room.impose(lambda: None, author.write("shed", "locked"))
    assert room.post(author.write("shed", "hear me"), None)
    assert (turns, author.settled) == ([], 2)
