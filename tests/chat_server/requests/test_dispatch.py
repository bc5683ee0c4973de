"""Requests of one connection take effect in order: what is under way is in what is read later."""

from typing import Any

import pytest

from chat_server.requests.dispatch import REQUESTS
from protocol import messages
from tests.chat_server.house import House, texts
from tests.chat_server.moderation.order_house import OrderedHouse
from tests.support.clock import ManualClock
from tests.support.peer import Frame, Peer, encode
from tests.support.servers import running_server

ROUNDS = 50


def send_together(peer: Peer, *requests: Frame) -> list[int]:
    """Send requests in one piece, and return their ids."""
    asked = [{"id": peer.next_id(), **request} for request in requests]
    peer.send_raw(b"".join(encode(request) for request in asked))
    return [request["id"] for request in asked]


def said(text: str) -> Frame:
    """A request to say something."""
    return {"type": "say", "room": "lobby", "text": text}


@pytest.mark.parametrize(
    "read",
    [{"type": "history", "limit": 1}, {"type": "search", "query": "tea", "limit": 1}],
    ids=["history", "search"],
)
def test_what_was_said_is_in_what_is_read_behind_it(house: House, read: dict[str, Any]) -> None:
    """Though the reply to what was said is not there yet."""
    ada = house.enter("ada", "lobby")
    for number in range(ROUNDS):
        text = f"tea {number}"
        _, asked = send_together(ada, said(text), {**read, "room": "lobby"})
        assert texts(ada.reply(asked)["messages"]) == [text]


def test_a_topic_is_in_what_is_read_behind_it(house: House) -> None:
    """In the list of the rooms, and in the reply to a join, whose seq counts it."""
    ada = house.enter("ada", "lobby")
    for number in range(ROUNDS):
        topic = {"type": "topic", "room": "lobby", "topic": f"lesson {number}"}
        _, listed, joined = send_together(
            ada, topic, {"type": "rooms"}, {"type": "join", "room": "lobby"}
        )
        assert ada.reply(listed)["rooms"][0]["topic"] == f"lesson {number}"
        reply = ada.reply(joined)
        assert (reply["topic"], reply["seq"]) == (f"lesson {number}", number + 1)


def test_a_notice_is_in_what_is_read_behind_it(place: OrderedHouse) -> None:
    """What moderators ask for waits to be stored as well."""
    owner = place.ada
    for number in range(ROUNDS):
        announce = {"type": "announce", "room": "lobby", "text": f"break {number}"}
        _, asked = send_together(owner, announce, {"type": "history", "room": "lobby", "limit": 1})
        assert texts(owner.reply(asked)["messages"]) == [f"break {number}"]


def test_who_leaves_has_heard_what_they_said_before(house: House) -> None:
    """The message comes back to its author before the reply to the leave."""
    ada = house.enter("ada")
    for number in range(ROUNDS):
        ada.join("lobby")
        _, left = send_together(ada, said(str(number)), {"type": "leave", "room": "lobby"})
        assert ada.reply(left)["type"] == "ok"
        heard = [frame["text"] for frame in ada.queue if frame["type"] == "message"]
        assert heard == [str(number)]
        ada.queue.clear()


def test_a_request_that_is_sent_again_is_waited_for_too(house: House) -> None:
    """The connection that took the session up waits, because it gets that reply."""
    old = house.enter("ada", "lobby")
    first = [said(str(number)) for number in range(200)]
    asked = send_together(old, *first)
    new = house.enter("ada", session=old.session)
    new.join("lobby")
    again = [{"id": identity, **each} for identity, each in zip(asked, first, strict=True)]
    new.skip_ids(len(asked))
    read: Frame = {"type": "history", "id": new.next_id(), "room": "lobby", "limit": 1}
    new.send_raw(b"".join(encode(each) for each in [*again, read]))
    assert texts(new.reply(read["id"])["messages"]) == ["199"]


def test_who_reads_while_the_connection_ends_waits_for_nothing(house: House) -> None:
    """It breaks with much under way: no thread stays, which the end of every test sees to."""
    ada = house.enter("ada", "lobby")
    send_together(ada, *(said(str(number)) for number in range(500)), {"type": "rooms"})
    ada.reset()


@pytest.mark.parametrize("rooms", [0, 10])
def test_another_nick_counts_for_more_in_many_rooms(rooms: int) -> None:
    """It is news in each of them."""
    burst = 400
    with (
        running_server(
            clock=ManualClock(), requests_per_second=1.0, requests_burst=burst
        ) as server,
        House(server) as house,
    ):
        ada = house.enter("ada", *(f"room{number}" for number in range(rooms)))
        done = 0
        while (reply := ada.request("nick", nick=f"ada{done}"))["type"] == "ok":
            done += 1
        assert reply["code"] == "rate_limited"
        left = burst - 1 - REQUESTS[messages.Join].cost * rooms  # the hello counts for one
        cost = 20 + 2 * rooms
        assert (done - 1) * cost < left <= done * cost


def test_what_is_news_in_each_room_counts_for_each() -> None:
    """Every way to another nick."""
    news = {kind for kind, rule in REQUESTS.items() if rule.room_cost}
    assert news == {messages.Nick, messages.Login, messages.Logout}
