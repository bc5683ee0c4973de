"""The fair queue answers one client at a time, in order, and forgets nobody.

The test itself stands at the head, so that whoever asks has to wait, and leaves.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest

from chat_server.delivery.fair_queue import FairQueue
from chat_server.delivery.outbox import Outbox
from chat_server.gateways.connection import Connection
from chat_server.requests.dispatch import REQUESTS
from protocol.errors import Code
from tests.chat_server.house import House, texts
from tests.support.peer import Frame, Peer, encode
from tests.support.servers import running_server
from tests.support.waiting import eventually

ASKED: list[Frame] = [
    {"type": "history", "room": "lobby"},
    {"type": "rooms"},
    {"type": "tell", "to": "bob", "text": "psst"},
    {"type": "who", "room": "lobby"},
    {"type": "ping"},
    {"type": "nick", "nick": "lovelace"},
    {"type": "forget", "room": "nowhere"},
    {"type": "leave", "room": "lobby"},
]
"""A request of each kind that goes through the queue."""


class Head:
    """The head of a server's fair queue, where the test stands."""

    def __init__(self, house: House) -> None:
        assert house.server is not None
        self.server = house.server
        house.enter("holder")
        (holder,) = self.connections()
        self.queue: FairQueue = self.server._parts.fair_queue
        assert self.queue.enter(holder.outbox)
        self._held = True

    def connections(self) -> list[Connection]:
        """Who is connected."""
        return list(self.server._crowd.connections())

    def ask(self, peer: Peer, *requests: Frame) -> list[int]:
        """Ask for what has to wait, and return the ids once that is so."""
        waiting = self.queue.waiting
        asked = [{"id": peer.next_id(), **request} for request in requests]
        peer.send_raw(b"".join(encode(request) for request in asked))
        eventually(lambda: self.queue.waiting == waiting + 1)
        return [request["id"] for request in asked]

    def leave(self) -> None:
        """Leave it to the client that has waited the longest."""
        self._held = False
        self.queue.leave()

    def close(self) -> None:
        """Leave it, if the test has not."""
        if self._held:
            self.leave()


@pytest.fixture
def head(house: House) -> Iterator[Head]:
    """The head of the queue of the house's server."""
    with closing(Head(house)) as head:
        yield head


@pytest.mark.parametrize("request_", ASKED, ids=[each["type"] for each in ASKED])
def test_each_waits_in_the_queue_and_holds_up_nobody_else(
    request_: Frame, house: House, head: Head
) -> None:
    """What others say, ask and look for goes on."""
    ada, bob = house.enter("ada", "lobby"), house.enter("bob", "lobby")
    (asked,) = head.ask(ada, request_)
    bob.say("lobby", "tea?")
    assert texts(bob.page("search", room="lobby", query="tea")["messages"]) == ["tea?"]
    house.enter("eva", "lobby").say("lobby", "please")
    assert texts(ada.messages(1)) == ["tea?"]
    assert head.queue.waiting == 1
    head.leave()
    done = ada.reply(asked)["type"] in ("ok", "page", "pong")
    assert done or request_["type"] == "forget"  # there is no such room


def test_every_kind_is_tried() -> None:
    """As the server has them."""
    kinds = {
        kind.__struct_config__.tag  # type: ignore[attr-defined]
        for kind, rule in REQUESTS.items()
        if rule.queued
    }
    assert {each["type"] for each in ASKED} == kinds


def test_who_is_refused_waits_for_it_too(house: House, head: Head) -> None:
    """For what is no request, and for what is not allowed, which can be sent as often."""
    ada, eva = house.enter("ada"), house.enter("eva")
    (nonsense,) = head.ask(ada, {"type": "nonsense"})
    (bans,) = head.ask(eva, {"type": "bans"})
    head.leave()
    assert ada.reply(nonsense)["code"] == "bad_request"
    assert eva.reply(bans)["code"] == "forbidden"


def test_in_the_order_in_which_they_came(house: House, head: Head) -> None:
    """Who asks for much at once has one place, and the others come in between."""
    ada, eva, bob = (house.enter(nick) for nick in ("ada", "eva", "bob"))
    tells = [{"type": "tell", "to": "bob", "text": text} for text in ("1", "2", "3", "eva's")]
    head.ask(ada, *tells[:3])
    head.ask(eva, tells[3])
    head.leave()
    heard = [bob.expect("direct")["text"] for _ in tells]
    assert heard == ["1", "eva's", "2", "3"]


def test_one_at_a_time_and_all_in_the_end(house: House, head: Head) -> None:
    """Many threads want it many times."""
    for number in range(12):
        house.enter(f"peer{number}")
    outboxes = [each.outbox for each in head.connections() if each.nick != "holder"]
    alone = threading.Lock()
    done: list[Outbox] = []

    def work(outbox: Outbox) -> None:
        for _ in range(20):
            assert head.queue.enter(outbox)
            assert alone.acquire(blocking=False), "somebody else is at the head"
            done.append(outbox)
            alone.release()
            head.queue.leave()

    threads = [threading.Thread(target=work, args=(outbox,)) for outbox in outboxes]
    for count, thread in enumerate(threads, 1):
        thread.start()
        eventually(lambda count=count: head.queue.waiting == count)  # type: ignore[misc]
    head.leave()
    for thread in threads:
        thread.join(10)
    assert done[: len(outboxes)] == outboxes, "nobody is at the head twice before all were"
    assert Counter(done) == dict.fromkeys(outboxes, 20)
    assert head.queue.waiting == 0


def test_bursts_of_many_are_all_answered_in_order(house: House) -> None:
    """Each of ten clients sends all that it wants to know ahead."""
    house.enter("bob")
    peers = [house.enter(f"peer{number}", "lobby") for number in range(10)]
    peers[0].say("lobby", "tea?")
    ids = []
    for peer in peers:
        requests = [{"id": peer.next_id(), **request} for request in ASKED[:5] * 20]
        peer.send_raw(b"".join(encode(request) for request in requests))
        ids.append([request["id"] for request in requests])
    for peer, expected in zip(peers, ids, strict=True):
        replies = [peer.take(lambda frame: "re" in frame) for _ in expected]
        assert [frame["re"] for frame in replies] == expected
        assert {frame["type"] for frame in replies} == {"ok", "page", "pong"}


def test_who_is_sent_away_while_waiting_gives_the_place_up(house: House, head: Head) -> None:
    """At once, and gets no reply; who stood behind is next."""
    eva, bob = house.enter("eva", "lobby"), house.enter("bob", "lobby")
    (connection,) = [each for each in head.connections() if each.nick == "eva"]
    head.ask(eva, *ASKED)
    (asked,) = head.ask(bob, {"type": "rooms"})
    connection.close(Code.KICKED, "Enough.")
    eventually(lambda: head.queue.waiting == 1)
    assert not [frame for frame in eva.expect_end("kicked") if frame["type"] == "page"]
    head.leave()
    assert bob.reply(asked)["type"] == "page"


def test_who_vanished_while_waiting_lets_the_next_one_in(house: House, head: Head) -> None:
    """Nobody has noticed yet that the connection is gone."""
    eva, bob = house.enter("eva", "lobby"), house.enter("bob", "lobby")
    head.ask(eva, *ASKED)
    eva.reset()
    (asked,) = head.ask(bob, {"type": "rooms"})
    head.leave()
    assert bob.reply(asked)["type"] == "page"
    eventually(lambda: {each.nick for each in head.connections()} == {"holder", "bob"})
    assert head.queue.waiting == 0


def test_a_client_that_comes_to_the_head_as_it_ends_lets_the_next_one_in(
    house: House, head: Head
) -> None:
    """Its connection ends when it is at the head already, and has not noticed."""
    eva = house.enter("eva", "lobby")
    (connection,) = [each for each in head.connections() if each.nick == "eva"]
    head.ask(eva, {"type": "rooms"})
    with connection.outbox._lock:  # she cannot look now
        giving = threading.Thread(target=head.leave)
        giving.start()
        eventually(lambda: head.queue.waiting == 0)
        connection.outbox._drop()
    giving.join()
    bob = house.enter("bob", "lobby")
    assert bob.page("rooms")["rooms"]


def test_a_stop_waits_for_nobody_who_waits() -> None:
    """Though the one at the head never leaves."""
    with running_server(linger=0.1) as server:
        house = House(server)
        head = Head(house)
        peers = [house.enter(f"peer{number}", "lobby") for number in range(5)]
        for peer in peers:
            head.ask(peer, *ASKED)
        threads = [each.thread for each in head.connections()]
    with house:
        for peer in peers:
            peer.expect_end("shutting_down")
        assert head.queue.waiting == 0
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive()
