"""A session outlives its connection: requests sent again are done once, and the nick comes back."""

import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from chat_server.rooms.policy import RoomPolicy
from chat_server.rooms.room import Draft, Room
from chat_server.runtime.config.setting_types import Keep
from tests.chat_server.house import House, seqs, texts, whole_log
from tests.chat_server.moderation.order_house import ordered_house
from tests.support.clock import ManualClock
from tests.support.peer import ConnectionEnded, Frame, Peer
from tests.support.proxy import Link, Proxy
from tests.support.servers import ServerProcess, address_of, running_server
from tests.support.waiting import DEADLINE, eventually

LATE = 100
"""The id of a request that is held up."""


def say(identity: int, text: str, room: str = "lobby") -> Frame:
    """A say with an id of the test's choice."""
    return {"type": "say", "id": identity, "room": room, "text": text}


def test_a_say_sent_again_is_stored_once(house: House) -> None:
    """The same id in the same session gets the same ok."""
    ada = house.enter("ada", "lobby")
    ada.send(say(10, "hi"))
    first = ada.reply(10)
    ada.send(say(10, "hi"))
    assert ada.reply(10) == first
    assert first["seq"] == 1
    assert texts(whole_log(ada, "lobby")) == ["hi"]


def test_a_say_sent_again_when_it_is_deleted_is_not_stored_again(tmp_path: Path) -> None:
    """It was stored, so that is the answer, also after a restart; what was lost is stored."""
    kept: dict[str, Any] = {"keep": Keep(messages=1), "interval": 0.05}
    with running_server(tmp_path, **kept) as server, House(server) as house:
        ada = house.enter("ada", "lobby")
        for identity in (10, 11, 13):
            ada.send(say(identity, f"number {identity}"))
            ada.reply(identity)
        eventually(lambda: seqs(whole_log(ada, "lobby")) == [3])
        ada.send(say(10, "number 10"))
        assert ada.reply(10) == {"type": "ok", "re": 10, "gone": True}
    with running_server(tmp_path, **kept) as server, House(server) as house:
        ada = house.enter("ada", "lobby", session=ada.session)
        ada.send(say(11, "number 11"))
        assert ada.reply(11) == {"type": "ok", "re": 11, "gone": True}
        ada.send(say(13, "number 13"))
        assert ada.reply(13)["seq"] == 3
        ada.join("garden")
        ada.send(say(12, "number 12", "garden"))
        assert ada.reply(12)["seq"] == 1
        assert texts(whole_log(ada, "lobby")) == ["number 13"]


def test_a_topic_set_again_is_stored_once(house: House) -> None:
    """A topic is an entry of the log, and its `ok` means stored too."""
    ada = house.enter("ada", "lobby")
    frame = {"type": "topic", "id": 10, "room": "lobby", "topic": "Tea"}
    ada.send(frame)
    first = ada.reply(10)
    ada.send(frame)
    assert ada.reply(10)["seq"] == first["seq"]
    assert texts(whole_log(ada, "lobby")) == ["Tea"]


def test_a_say_sent_again_while_the_first_is_in_flight_is_stored_once(house: House) -> None:
    """Ten times the same frame in one piece: one message, one seq in every answer."""
    ada = house.enter("ada", "lobby")
    for _ in range(10):
        ada.send(say(10, "hi"))
    ada.ping()
    assert (
        ada.say(
            "lobby",
            "end",
        )
        == 2
    )
    oks = [frame for frame in ada.queue if frame.get("re") == 10]
    assert oks
    assert {frame["seq"] for frame in oks} == {1}
    assert texts(whole_log(ada, "lobby")) == ["hi", "end"]


def test_the_same_id_in_another_session_is_another_request(house: House) -> None:
    """Ids count within a session alone."""
    ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
    ada.send(say(10, "one"))
    assert ada.reply(10)["seq"] == 1
    eva.send(say(10, "two"))
    assert eva.reply(10)["seq"] == 2


def test_a_say_sent_again_by_a_new_connection_is_stored_once(house: House) -> None:
    """hello with the session, join, and send again what had no reply."""
    ada = house.enter("ada", "lobby")
    ada.send(say(10, "hi"))
    first = ada.reply(10)
    again = house.enter("ada", session=ada.session)
    assert again.join("lobby", after=0)["seq"] == 1
    again.send(say(10, "hi"))
    assert again.reply(10)["seq"] == first["seq"]
    again.send(say(11, "there"))
    assert again.reply(11)["seq"] == 2
    assert texts(again.messages(2)) == ["hi", "there"]
    assert texts(whole_log(again, "lobby")) == ["hi", "there"]


def test_a_say_sent_again_after_a_restart_is_stored_once(tmp_path: Path) -> None:
    """This holds across a restart of the server."""
    with running_server(tmp_path) as server, House(address_of(server)) as house:
        ada = house.enter("ada", "lobby")
        session = ada.session
        ada.send(say(10, "hi"))
        first = ada.reply(10)
    with running_server(tmp_path) as server, House(address_of(server)) as house:
        ada = house.enter("ada", session=session)
        assert ada.nick == "ada"
        ada.join("lobby", after=1)
        ada.send(say(10, "hi"))
        assert ada.reply(10)["seq"] == first["seq"]
        ada.send(say(11, "there"))
        assert ada.reply(11)["seq"] == 2
        assert texts(whole_log(ada, "lobby")) == ["hi", "there"]


def test_an_older_request_is_not_stored_again_either(house: House) -> None:
    """Any of those that had no reply may come again, not only the last."""
    ada = house.enter("ada", "lobby")
    for identity in range(1, 51):
        ada.send(say(identity, f"{identity}"))
    first = {identity: ada.reply(identity)["seq"] for identity in range(1, 51)}
    again = house.enter("ada", session=ada.session)
    again.join("lobby", after=50)
    for identity in range(1, 51):
        again.send(say(identity, f"{identity}"))
    assert {identity: again.reply(identity)["seq"] for identity in range(1, 51)} == first
    assert len(whole_log(again, "lobby")) == 50


def test_a_session_that_was_forgotten_leaves_its_requests_to_nobody(tmp_path: Path) -> None:
    """After the holidays everybody is new: ids that were used before are free to be used again."""
    clock = ManualClock()
    with running_server(tmp_path, clock) as server, House(server) as house:
        house.enter("ada", "lobby").say("lobby", "see you")
    clock.advance(40 * 86400)
    with running_server(tmp_path, clock) as server, House(server) as house:
        assert house.enter("eva", "lobby").say("lobby", "back again") == 2


# -- kill -----------------------------------------------------------------------------------------


def test_ok_means_stored(tmp_path: Path) -> None:
    """Killed right after the last ok, the server has everything when it comes again."""
    with ServerProcess.serve(tmp_path) as server, House(server.address) as house:
        ada = house.enter("ada", "lobby")
        ids = [ada.post("say", room="lobby", text=f"{n}") for n in range(300)]
        for identity in ids[:-1]:
            ada.reply(identity)
        ada.ok("topic", room="lobby", topic="kept")
        server.kill()
        with server.restarted() as again, House(again.address) as other:
            eva = other.enter("eva")
            assert eva.join("lobby")["topic"] == "kept"
            log = whole_log(eva, "lobby")
            assert seqs(log) == list(range(1, 302))
            assert texts(log) == [*(str(n) for n in range(300)), "kept"]


@pytest.mark.long
def test_a_flood_that_is_killed_is_resumed_without_loss_or_doubles(tmp_path: Path) -> None:
    """Killed in the middle, twice: what had its ok is there, what is sent again is once."""
    with ServerProcess.serve(tmp_path) as first:
        server, session, answered = first, "", dict[int, int]()
        for round_number in (1, 2):
            session = _flood_until_killed(server, session, round_number * 200, answered)
            server = server.restarted()
            with House(server.address) as house:
                ada = house.enter("ada", session=session)
                _send_the_rest(ada, round_number * 200, answered)
                log = whole_log(ada, "lobby")
                assert seqs(log) == list(range(1, len(log) + 1))
                assert texts(log) == [str(n) for n in range(1, round_number * 200 + 1)]
                assert all(log[seq - 1]["text"] == str(n) for n, seq in answered.items())
            server.terminate()
            assert server.wait() == 0
            server = server.restarted()
        server.close()


def _flood_until_killed(
    server: ServerProcess, session: str, until: int, answered: dict[int, int]
) -> str:
    """Say up to number `until`, and kill the server once half of that is answered."""
    with Peer.connect(server.address) as ada:
        ada.hello("ada", **({"session": session} if session else {}))
        ada.join("lobby")
        first = len(answered) + 1
        for number in range(first, until + 1):
            ada.send(say(1000 + number, str(number)))
        for number in range(first, first + (until - first) // 2):
            answered[number] = ada.reply(1000 + number)["seq"]
        server.kill()
        return ada.session


def _send_the_rest(ada: Peer, until: int, answered: dict[int, int]) -> None:
    """Join where the log ends, and send again what had no reply."""
    ada.join("lobby")
    missing = [number for number in range(1, until + 1) if number not in answered]
    for number in missing:
        ada.send(say(1000 + number, str(number)))
    for number in missing:
        answered[number] = ada.reply(1000 + number)["seq"]


# -- taking over ----------------------------------------------------------------------------------


def test_the_session_takes_its_nick_back_at_once(house: House) -> None:
    """The connection that had it gets goodbye `replaced`, and is closed."""
    old = house.enter("ada", "lobby")
    new = house.enter("ada", session=old.session)
    assert new.nick == "ada"
    frames = old.expect_end("replaced")
    assert not [frame for frame in frames if frame["type"] == "error"]
    new.join("lobby")
    new.say("lobby", "here I am")


def test_a_connection_that_does_not_read_is_replaced_too(house: House) -> None:
    """A half-dead connection never holds a nick against its own session."""
    with Proxy(house.address) as proxy:
        old = house.connect(proxy.address)
        old.hello("ada")
        old.join("lobby")
        proxy.link().stall()
        eva = house.enter("eva", "lobby")
        for _ in range(300):
            eva.post("say", room="lobby", text="x" * 4000)
        new = house.enter("ada", session=old.session)
        assert new.nick == "ada"
        new.join("lobby")
        assert new.ok("say", room="lobby", text="hi")["type"] == "ok"


def test_without_the_session_the_nick_is_in_use(house: House) -> None:
    """A name is not enough, nor is somebody else's secret, nor a made-up one."""
    ada, eva = house.enter("ada"), house.enter("eva")
    peer = house.connect()
    assert peer.hello("ada")["code"] == "nick_in_use"
    assert peer.hello("ada", session="x" * 43)["code"] == "nick_in_use"
    assert peer.hello("ada", session="")["code"] == "nick_in_use"
    assert peer.hello("ada", session=eva.session)["code"] == "nick_in_use"
    assert peer.hello("zoe")["type"] == "welcome"
    ada.ping()
    eva.ping()


def test_an_unknown_session_begins_a_new_one(house: House) -> None:
    """A client that kept a secret of another server's still comes in."""
    welcome = house.connect().hello("ada", session="not-from-here")
    assert welcome["type"] == "welcome"
    assert welcome["session"] != "not-from-here"


def test_a_session_can_be_taken_up_again_and_again(house: House) -> None:
    """Each time it is the same person, in one room, once."""
    last = house.enter("ada", "lobby")
    eva = house.enter("eva", "lobby")
    for _ in range(20):
        peer = house.enter("ada", session=last.session)
        peer.join("lobby")
        last.expect_end("replaced")
        last = peer
    last.ping()
    assert eva.page("who", room="lobby")["members"] == ["ada", "eva"]


def test_who_was_replaced_can_say_nothing_more(house: House) -> None:
    """What the old connection still sends after the new one is in is not done."""
    old = house.enter("ada", "lobby")
    new = house.enter("ada", session=old.session)
    new.join("lobby")
    with suppress(BrokenPipeError, ConnectionResetError):
        for n in range(20):
            old.post("say", room="lobby", text=f"ghost {n}")
    old.expect_end("replaced")
    new.say("lobby", "alive")
    assert texts(new.messages(1)) == ["alive"]


def test_a_nick_that_somebody_else_took_meanwhile(house: House) -> None:
    """The session is valid, but the nick is another's now: not fatal, choose another."""
    ada = house.enter("ada")
    session = ada.session
    ada.ok("bye")
    ada.expect_end("bye")
    house.enter("ada")
    peer = house.connect()
    assert peer.hello("ada", session=session)["code"] == "nick_in_use"
    assert peer.hello("ada2", session=session)["type"] == "welcome"


def test_a_take_over_in_the_middle_of_a_flood_stores_everything_once(house: House) -> None:
    """The old connection's requests and the new one's repeats: each is stored once, in order."""
    old = house.enter("ada", "lobby")
    for n in range(1, 201):
        old.send(say(n, f"{n}"))
    new = house.enter("ada", session=old.session)
    new.join("lobby", after=0)
    for n in range(1, 201):
        new.send(say(n, f"{n}"))
    for n in range(1, 201):
        assert new.reply(n)["type"] == "ok"
    assert texts(whole_log(new, "lobby")) == [str(n) for n in range(1, 201)]
    assert texts(new.messages(200)) == [str(n) for n in range(1, 201)]


def test_what_was_claimed_before_a_take_over_is_said_before_what_comes_after(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old connection's thread is held up between the two, where the new one could overtake."""
    post, held, overtaken = Room.post, threading.Event(), threading.Event()

    def post_late(room: Room, draft: Draft, policy: RoomPolicy | None) -> bool:
        if draft.request == LATE:
            held.set()
            overtaken.wait(0.3)  # in vain: nobody may
        else:
            overtaken.set()
        return post(room, draft, policy)

    monkeypatch.setattr(Room, "post", post_late)
    house.enter("eva", "lobby")  # so that there is the room all the while
    old = house.enter("ada", "lobby")
    old.send(say(LATE, "first"))
    assert held.wait(DEADLINE)
    new = house.enter("ada", session=old.session)
    new.join("lobby", after=0)
    new.send(say(LATE + 1, "second"))
    assert new.reply(LATE + 1)["type"] == "ok"
    assert texts(whole_log(new, "lobby")) == ["first", "second"]


# -- through a bad network ------------------------------------------------------------------------


class Resuming:
    """A small client that does what the document says when its connection breaks."""

    def __init__(self, address: str, count: int) -> None:
        self._address = address
        self._count = count
        self._session: dict[str, Any] = {}
        self._answered: set[int] = set()
        self.connections = 0
        self.seen: list[Frame] = []

    def run(self) -> None:
        """Say all, see all, whatever it takes."""
        while len(self.seen) < self._count or len(self._answered) < self._count:
            self.connections += 1
            try:
                with Peer.connect(self._address) as peer:
                    self._live(peer)
            except (ConnectionEnded, ConnectionError):
                continue

    def _live(self, peer: Peer) -> None:
        assert peer.hello("ada", **self._session)["type"] == "welcome"
        self._session = {"session": peer.session}
        join = {"type": "join", "id": 1, "room": "lobby", "after": len(self.seen)}
        peer.send(join)
        for n in range(1, self._count + 1):
            if n not in self._answered:
                peer.send(say(1 + n, f"{n}"))
        while len(self.seen) < self._count or len(self._answered) < self._count:
            self._take(peer.receive())

    def _take(self, frame: Frame) -> None:
        assert frame["type"] != "error", frame
        if frame["type"] == "message":
            self.seen.append(frame)
        elif frame["type"] == "ok" and frame["re"] > 1:
            self._answered.add(frame["re"] - 1)


@pytest.mark.parametrize("fault", [Link.cut, Link.reset], ids=["cut", "reset"])
@pytest.mark.parametrize("piece", [65536, 5])
def test_a_client_that_resumes_loses_nothing_and_doubles_nothing(
    house: House, fault: Any, piece: int
) -> None:
    """Cut at every few hundred bytes, it says 100 messages and sees each of them once."""
    lives = iter(range(700, 100_000, 450))

    def script(link: Link) -> None:
        link.split(piece)
        link.after(next(lives), fault)

    with Proxy(house.address, script) as proxy:
        client = Resuming(proxy.address, 100)
        client.run()
    assert client.connections > 3
    assert seqs(client.seen) == list(range(1, 101))
    assert sorted(texts(client.seen), key=int) == [str(n) for n in range(1, 101)]


def test_many_take_overs_at_once_leave_one(house: House) -> None:
    """Ten connections take one session up at the same time: one of them has it in the end."""
    session = house.enter("ada").session
    peers = [house.connect() for _ in range(10)]
    hello = {"type": "hello", "version": 1, "nick": "ada", "session": session}
    threads = [threading.Thread(target=peer.send, args=(hello,)) for peer in peers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for peer in peers:
        _wait_for_answer(peer)
    # Who was taken over may still be answered while the one that took over is taken over itself.
    eventually(lambda: sum(map(_is_alive, peers)) == 1)
    winners = [peer for peer in peers if _is_alive(peer)]
    winners[0].join("lobby")
    assert winners[0].page("who", room="lobby")["members"] == ["ada"]


def _wait_for_answer(peer: Peer) -> None:
    """Wait until the server has decided about a hello, one way or the other."""
    with suppress(ConnectionEnded, ConnectionError):
        peer.take(lambda frame: frame["type"] in ("welcome", "goodbye"))


def _is_alive(peer: Peer) -> bool:
    """Whether the connection is answered rather than sent away."""
    try:
        peer.ping()
    except (ConnectionEnded, ConnectionError):
        return False
    return True


def test_welcome_names_the_largest_id_that_stored_anything(tmp_path: Path) -> None:
    """A client that kept its session and lost count goes on above it, and nothing is swallowed."""
    with running_server(tmp_path) as server, House(server) as house:
        ada = house.connect()
        assert ada.hello("ada")["last_id"] == 0
        ada.join("lobby")
        for identity in (10, 20):
            ada.send(say(identity, f"text {identity}"))
            ada.reply(identity)
        ada.send({"type": "topic", "id": 25, "room": "lobby", "topic": "Tea"})
        ada.reply(25)
        again = house.connect()
        assert again.hello("ada", session=ada.session)["last_id"] == 25
    with running_server(tmp_path) as server, House(server) as house:
        again = house.connect()
        again.go_on_above(again.hello("ada", session=ada.session)["last_id"])
        again.join("lobby")
        assert again.say("lobby", "after the restart") == 4
        assert texts(whole_log(again, "lobby"))[-1] == "after the restart"


def test_last_id_counts_what_waits_to_be_stored(house: House) -> None:
    """A request that is under way takes its id, too."""
    ada = house.enter("ada", "lobby")
    ada.send(say(30, "on its way"))
    ada.ping()
    again = house.connect()
    assert again.hello("ada", session=ada.session)["last_id"] == 30


def test_last_id_counts_notices(tmp_path: Path) -> None:
    """A moderator who lost count would lose announcements as well."""
    with ordered_house(tmp_path) as place:
        ada = place.ada
        announced = ada.post("announce", text="hear, hear", room="lobby")
        ada.reply(announced)
        other = place.enter("eva", "lobby")
        other.say("lobby", "hi")
    with running_server(tmp_path) as server, House(server) as house:
        assert house.connect().hello("eva", session=other.session)["last_id"] == 2
        again = house.connect()
        assert again.hello("ada", session=ada.session)["last_id"] == announced
        again.go_on_above(announced)
        again.join("lobby")
        again.ok("announce", text="and again", room="lobby")
        assert texts(whole_log(again, "lobby")) == ["hear, hear", "hi", "and again"]
