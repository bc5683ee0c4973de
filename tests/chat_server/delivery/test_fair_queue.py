"""The fair queue answers one client at a time, in order, and forgets nobody.

The test itself stands at the head, so that whoever asks has to wait, and leaves.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from chat_server import assembly
from chat_server.delivery.fair_queue import CROWD, FairPlaces, FairQueue, ServerWaiter
from chat_server.delivery.outbox import Outbox
from chat_server.gateways.connection import Connection
from chat_server.requests.dispatch import REQUESTS, Queue
from chat_server.runtime.round_robin import Party
from protocol.errors import Code
from protocol.messages import ServerPong
from tests.chat_server.house import House, texts
from tests.support.peer import Frame, Peer, encode
from tests.support.servers import running_server
from tests.support.waiting import DEADLINE, eventually

ASKED: list[Frame] = [
    {"type": "history", "room": "lobby"},
    {"type": "rooms"},
    {"type": "who", "room": "lobby"},
    {"type": "nick", "nick": "lovelace"},
    {"type": "forget", "room": "nowhere"},
]
"""A request of each kind that may take long, and goes through the queue for those."""


class Head:
    """The head of a server's queue for long requests, taken by the test."""

    def __init__(self, house: House) -> None:
        assert house.server is not None
        self.server = house.server
        house.enter("holder")
        (holder,) = self.connections()
        self.queue: FairQueue = self.server._parts.long_queue
        self._holder = holder.outbox
        assert self.queue.enter(self._holder)
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
        self.queue.leave(self._holder)

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
    done = ada.reply(asked)["type"] in ("ok", "page")
    assert done or request_["type"] == "forget"  # there is no such room


def test_every_kind_is_tried() -> None:
    """As the server has them."""
    kinds = {
        kind.__struct_config__.tag  # type: ignore[attr-defined]
        for kind, rule in REQUESTS.items()
        if rule.queue is Queue.LONG
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


class _Asker:
    """Somebody who waits in a queue on a thread of its own, as far as `FairQueue` knows them."""

    def __init__(self, address: str, client: int) -> None:
        self.party = Party(address, client)
        self.is_gone = False
        self.has_it = threading.Event()

    def wait_while(self, waits: Callable[["_Asker"], bool]) -> bool:
        self.has_it.wait()
        return not waits(self)

    def wake(self) -> None:
        self.has_it.set()


def _waiting_in(
    queue: FairQueue, *askers: _Asker, is_worker: bool = False
) -> list[threading.Thread]:
    """Let each wait in the queue, in this order."""
    threads = []
    for asker in askers:
        waiting = queue.waiting
        threads.append(
            threading.Thread(target=queue.enter, args=(asker,), kwargs={"is_worker": is_worker})
        )
        threads[-1].start()
        eventually(lambda waiting=waiting: queue.waiting == waiting + 1)  # type: ignore[misc]
    return threads


def test_each_address_is_served_as_often() -> None:
    """Fifty clients at one address stand ahead of another's once, not fifty times."""
    queue = FairQueue()
    first, *crowd = (_Asker("a", number) for number in range(50))
    other = _Asker("b", 50)
    assert queue.enter(first)
    threads = _waiting_in(queue, *crowd, other)
    taken = [first]
    while taken[-1] is not other:
        queue.leave(taken[-1])
        taken.append(next(each for each in (*crowd, other) if each.has_it.is_set()))
        taken[-1].has_it.wait()
        crowd = [each for each in crowd if each is not taken[-1]]
    assert len(taken) <= 3
    for asker in (other, *crowd):
        queue.leave(asker)
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_the_head_stays_as_long_as_nobody_waits() -> None:
    """And leaves when its stretch is over."""
    queue = FairQueue(stretch=0.0)
    ada, eva = _Asker("a", 1), _Asker("a", 2)
    for _ in range(3):
        assert queue.enter(ada)
    threads = _waiting_in(queue, eva)
    threads.append(threading.Thread(target=queue.enter, args=(ada,)))
    threads[-1].start()
    assert eva.has_it.wait(10)
    queue.leave(eva)
    assert ada.has_it.wait(10)
    for thread in threads:
        thread.join(10)


def test_the_head_stays_for_a_stretch() -> None:
    """However many wait: a change of threads costs more than a short request."""
    queue = FairQueue(stretch=1e9)
    ada, eva = _Asker("a", 1), _Asker("a", 2)
    assert queue.enter(ada)
    threads = _waiting_in(queue, eva)
    assert queue.enter(ada)
    assert not eva.has_it.is_set()
    queue.leave(ada)
    assert eva.has_it.wait(10)
    threads[0].join(10)


def test_what_takes_a_moment_holds_up_nobody_while_it_waits(house: House, head: Head) -> None:
    """Who waits for a page has left the other queue, and so has who is refused."""
    ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
    burst = [{"type": "ping", "id": ada.next_id()}, {"id": ada.next_id(), **ASKED[0]}]
    ada.send_raw(b"".join(map(encode, burst)))
    eventually(lambda: head.queue.waiting == 1)
    eva.ping()
    eva.say("lobby", "tea?")
    head.leave()
    assert ada.reply(burst[1]["id"])["type"] == "page"


def test_direct_messages_of_one_address_wait_for_those_of_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many clients at one address tell somebody however much, each other address has every
    second turn.
    """
    monkeypatch.setattr(assembly, "STRETCH", 0.0)  # a turn is one request
    with (
        running_server(hosts=("127.0.0.1", "::1")) as server,
        House(server) as house,
    ):
        tim = house.enter("tim")
        # In a room, so that their sessions are kept: nobody has to wait for the disk below.
        flooders = [house.enter(f"mallory{number}", "lobby") for number in range(5)]
        bob = house.enter("bob", "lobby", address=str(server.addresses[1]))
        queue, holder = server._parts.short_queue, ServerWaiter("the test")
        eventually(lambda: queue.enter(holder) and queue.waiting == 0)
        for count, peer in enumerate([*flooders, bob], 1):
            told = [
                {"type": "tell", "id": peer.next_id(), "to": "tim", "text": "psst"}
                for _ in range(_TELLS if peer is bob else 10 * _TELLS)
            ]
            peer.send_raw(b"".join(map(encode, told)))
            eventually(lambda count=count: queue.waiting == count)  # type: ignore[misc]
        queue.leave(holder)
        ahead = 0
        for number in range(1, _TELLS + 1):
            while tim.expect("direct")["from"] != "bob":
                ahead += 1
            assert ahead <= number + 1, "bob had every second turn"


_TELLS = 4


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
            head.queue.leave(outbox)

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
        asked: list[Frame] = [*ASKED[:3], {"type": "tell", "to": "bob", "text": "psst"}]
        asked += [{"type": "ping"}]
        requests = [{"id": peer.next_id(), **request} for request in asked * 20]
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


def test_what_a_client_had_sent_before_it_was_gone_waits_as_well(house: House) -> None:
    """Fifty who send thousands of requests and close would otherwise all be answered at once."""
    eva, bob = house.enter("eva", "lobby"), house.enter("bob", "lobby")
    assert house.server is not None
    queue = house.server._parts.short_queue
    waiter = ServerWaiter("the test")
    with queue.at_head(waiter):
        eva.send({"type": "topic", "id": eva.next_id(), "room": "lobby", "topic": "late"})
        eventually(lambda: queue.waiting == 1)
        (connection,) = [each for each in house.server._crowd.connections() if each.nick == "eva"]
        eva.reset()
        eventually(lambda: _finds_out(connection.outbox))
        assert queue.waiting == 1
    eventually(lambda: connection.ended)
    assert bob.messages(1)[0]["text"] == "late"


def _finds_out(outbox: Outbox) -> bool:
    """Send something; return whether the client is known to be gone."""
    outbox.put(ServerPong(re=1))
    return outbox.is_gone


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
        connection.outbox._stop_waiting()
    giving.join()
    bob = house.enter("bob", "lobby")
    assert bob.page("rooms")["rooms"]


def test_each_address_has_one_of_the_places() -> None:
    """So somebody at another one has a place at once; those at one address take turns."""
    places = FairPlaces(2)
    first, second, third = (_Asker("a", number) for number in range(3))
    other = _Asker("b", 3)
    leaving = {each: threading.Event() for each in (first, second, third, other)}
    entered: list[_Asker] = []

    def search(asker: _Asker) -> None:
        with places.place(asker) as has_place:
            assert has_place
            entered.append(asker)
            leaving[asker].wait(DEADLINE)

    threads = [threading.Thread(target=search, args=(each,)) for each in leaving]
    first.has_it.set()
    other.has_it.set()
    for number, thread in enumerate(threads):
        thread.start()
        expected = [[first], [first], [first], [first, other]][number]
        eventually(lambda expected=expected: entered == expected)  # type: ignore[misc]
        eventually(lambda number=number: places.waiting == min(number, 2))  # type: ignore[misc]
    for each, following in ((first, second), (second, third)):
        leaving[each].set()
        eventually(lambda following=following: entered[-1] is following)  # type: ignore[misc]
    for event in leaving.values():
        event.set()
    for thread in threads:
        thread.join(DEADLINE)
        assert not thread.is_alive()
    assert places.waiting == 0


def test_a_search_waits_for_its_place_and_nothing_else_does(house: House) -> None:
    """Whoever searches at the same address is ahead of it."""
    server = house.server
    assert server is not None
    ada = house.enter("ada", "lobby")
    (connection,) = server._crowd.connections()
    holder = _Asker(connection.outbox.party.address, -1)
    holder.has_it.set()
    with server._parts.searches.place(holder):
        asked = ada.post("search", room="lobby", query="tea")
        eventually(lambda: server._parts.searches.waiting == 1)
        eva = house.enter("eva", "lobby")
        eva.say("lobby", "tea?")
    assert texts(ada.reply(asked)["messages"]) == ["tea?"]


def test_a_stop_waits_for_nobody_who_waits() -> None:
    """Though the one at the head never leaves."""
    with running_server(linger=1.0) as server:
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


def test_a_stop_does_not_wait_until_the_accept_thread_has_its_turn() -> None:
    """In a storm of connections that may be long. Whom it was to start is closed."""
    with running_server() as server:
        queue, holder = server._parts.short_queue, ServerWaiter("the test")
        assert queue.enter(holder)
        knocking = Peer.connect(server.addresses[0])
        eventually(lambda: queue.waiting == 1)
    with closing(knocking):
        assert knocking.read_to_end() == []
    assert queue.waiting == 0


def test_workers_have_every_second_turn() -> None:
    """However many addresses there are; and none while nobody else waits is lost."""
    queue = FairQueue()
    first, *clients = (_Asker(f"10.0.0.{number}", number) for number in range(5))
    workers = [_Asker("", number) for number in range(3)]
    assert queue.enter(first)
    threads = _waiting_in(queue, *clients)
    threads += _waiting_in(queue, *workers, is_worker=True)
    order, left = [first], [*clients, *workers]
    while left:
        queue.leave(order[-1])
        order += [each for each in left if each.has_it.is_set()]
        left = [each for each in left if each not in order]
    assert [each in workers for each in order] == [*[False, True] * 3, False, False]
    queue.leave(order[-1])
    for thread in threads:
        thread.join(DEADLINE)
    assert queue.enter(workers[0], is_worker=True)
    queue.leave(workers[0])


def test_the_head_gives_way_to_a_worker() -> None:
    """Also where no client waits."""
    queue = FairQueue()
    client, worker = _Asker("a", 1), _Asker("", 2)
    assert queue.enter(client)
    threads = _waiting_in(queue, worker, is_worker=True)
    threads.append(threading.Thread(target=queue.enter, args=(client,)))
    threads[-1].start()
    assert worker.has_it.wait(DEADLINE)
    queue.leave(worker)
    for thread in threads:
        thread.join(DEADLINE)


def test_a_crowd_is_known() -> None:
    """Then those who send little at a time are read less often."""
    queue = FairQueue()
    first, *others = (_Asker("a", number) for number in range(CROWD + 1))
    assert queue.enter(first)
    threads = _waiting_in(queue, *others[:-1])
    assert not queue.is_crowded
    threads += _waiting_in(queue, others[-1])
    assert queue.is_crowded
    for asker in (first, *others):
        queue.leave(asker)
    for thread in threads:
        thread.join(10)
