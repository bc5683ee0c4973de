"""The turn at requests that keep the interpreter busy: one at a time, in order, nobody forgotten.

Here the test takes the turn itself, so that whoever asks has to wait, and gives it back.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest

from chat_server.delivery.fair_queue import Turns
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
"""A request of each kind that waits for a turn."""


class Taken:
    """The turn of a server, in the hands of the test."""

    def __init__(self, house: House) -> None:
        assert house.server is not None
        self.server = house.server
        house.enter("holder")
        (holder,) = self.connections()
        self.turns: Turns = self.server._parts.turns
        assert self.turns.take(holder.outbox)
        self._held = True

    def connections(self) -> list[Connection]:
        """Who is connected."""
        return list(self.server._crowd.connections())

    def ask(self, peer: Peer, *requests: Frame) -> list[int]:
        """Ask for what has to wait, and return the ids once that is so."""
        waiting = self.turns.waiting
        asked = [{"id": peer.next_id(), **request} for request in requests]
        peer.send_raw(b"".join(encode(request) for request in asked))
        eventually(lambda: self.turns.waiting == waiting + 1)
        return [request["id"] for request in asked]

    def give_back(self) -> None:
        """Let whoever waits the longest have it."""
        self._held = False
        self.turns.give_back()

    def close(self) -> None:
        """Give it back, if the test has not."""
        if self._held:
            self.give_back()


@pytest.fixture
def taken(house: House) -> Iterator[Taken]:
    """The turn of the house's server."""
    with closing(Taken(house)) as taken:
        yield taken


@pytest.mark.parametrize("request_", ASKED, ids=[each["type"] for each in ASKED])
def test_each_waits_for_a_turn_and_holds_up_nobody_else(
    request_: Frame, house: House, taken: Taken
) -> None:
    """What others say, ask and look for goes on."""
    ada, bob = house.enter("ada", "lobby"), house.enter("bob", "lobby")
    (asked,) = taken.ask(ada, request_)
    bob.say("lobby", "tea?")
    assert texts(bob.page("search", room="lobby", query="tea")["messages"]) == ["tea?"]
    house.enter("eva", "lobby").say("lobby", "please")
    assert texts(ada.messages(1)) == ["tea?"]
    assert taken.turns.waiting == 1
    taken.give_back()
    done = ada.reply(asked)["type"] in ("ok", "page", "pong")
    assert done or request_["type"] == "forget"  # there is no such room


def test_every_kind_is_tried() -> None:
    """As the server has them."""
    kinds = {
        kind.__struct_config__.tag  # type: ignore[attr-defined]
        for kind, rule in REQUESTS.items()
        if rule.in_turn
    }
    assert {each["type"] for each in ASKED} == kinds


def test_who_is_refused_waits_for_it_too(house: House, taken: Taken) -> None:
    """For what is no request, and for what is not allowed, which can be sent as often."""
    ada, eva = house.enter("ada"), house.enter("eva")
    (nonsense,) = taken.ask(ada, {"type": "nonsense"})
    (bans,) = taken.ask(eva, {"type": "bans"})
    taken.give_back()
    assert ada.reply(nonsense)["code"] == "bad_request"
    assert eva.reply(bans)["code"] == "forbidden"


def test_in_the_order_in_which_they_came(house: House, taken: Taken) -> None:
    """Who asks for much at once has one place, and the others come in between."""
    ada, eva, bob = (house.enter(nick) for nick in ("ada", "eva", "bob"))
    tells = [{"type": "tell", "to": "bob", "text": text} for text in ("1", "2", "3", "eva's")]
    taken.ask(ada, *tells[:3])
    taken.ask(eva, tells[3])
    taken.give_back()
    heard = [bob.expect("direct")["text"] for _ in tells]
    assert heard == ["1", "eva's", "2", "3"]


def test_one_at_a_time_and_all_in_the_end(house: House, taken: Taken) -> None:
    """Many threads want it many times."""
    for number in range(12):
        house.enter(f"peer{number}")
    outboxes = [each.outbox for each in taken.connections() if each.nick != "holder"]
    turn = threading.Lock()
    done: list[Outbox] = []

    def work(outbox: Outbox) -> None:
        for _ in range(20):
            assert taken.turns.take(outbox)
            assert turn.acquire(blocking=False), "somebody else has the turn"
            done.append(outbox)
            turn.release()
            taken.turns.give_back()

    threads = [threading.Thread(target=work, args=(outbox,)) for outbox in outboxes]
    for count, thread in enumerate(threads, 1):
        thread.start()
        eventually(lambda count=count: taken.turns.waiting == count)  # type: ignore[misc]
    taken.give_back()
    for thread in threads:
        thread.join(10)
    assert done[: len(outboxes)] == outboxes, "nobody has a second turn before all had one"
    assert Counter(done) == dict.fromkeys(outboxes, 20)
    assert taken.turns.waiting == 0


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


def test_who_is_sent_away_while_waiting_gives_the_place_up(house: House, taken: Taken) -> None:
    """At once, and gets no reply; who stood behind is next."""
    eva, bob = house.enter("eva", "lobby"), house.enter("bob", "lobby")
    (connection,) = [each for each in taken.connections() if each.nick == "eva"]
    taken.ask(eva, *ASKED)
    (asked,) = taken.ask(bob, {"type": "rooms"})
    connection.close(Code.KICKED, "Enough.")
    eventually(lambda: taken.turns.waiting == 1)
    assert not [frame for frame in eva.expect_end("kicked") if frame["type"] == "page"]
    taken.give_back()
    assert bob.reply(asked)["type"] == "page"


def test_who_vanished_while_waiting_passes_the_turn_on(house: House, taken: Taken) -> None:
    """Nobody has noticed yet that the connection is gone."""
    eva, bob = house.enter("eva", "lobby"), house.enter("bob", "lobby")
    taken.ask(eva, *ASKED)
    eva.reset()
    (asked,) = taken.ask(bob, {"type": "rooms"})
    taken.give_back()
    assert bob.reply(asked)["type"] == "page"
    eventually(lambda: {each.nick for each in taken.connections()} == {"holder", "bob"})
    assert taken.turns.waiting == 0


def test_a_turn_that_comes_at_the_last_moment_is_passed_on(house: House, taken: Taken) -> None:
    """The end of a connection that has just been given the turn, but not noticed it."""
    eva = house.enter("eva", "lobby")
    (connection,) = [each for each in taken.connections() if each.nick == "eva"]
    taken.ask(eva, {"type": "rooms"})
    with connection.outbox._lock:  # she cannot look now
        giving = threading.Thread(target=taken.give_back)
        giving.start()
        eventually(lambda: taken.turns.waiting == 0)
        connection.outbox._drop()
    giving.join()
    bob = house.enter("bob", "lobby")
    assert bob.page("rooms")["rooms"]


def test_a_stop_waits_for_nobody_who_waits() -> None:
    """Though the turn is never given back."""
    with running_server(linger=0.1) as server:
        house = House(server)
        taken = Taken(house)
        peers = [house.enter(f"peer{number}", "lobby") for number in range(5)]
        for peer in peers:
            taken.ask(peer, *ASKED)
        threads = [each.thread for each in taken.connections()]
    with house:
        for peer in peers:
            peer.expect_end("shutting_down")
        assert taken.turns.waiting == 0
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive()
