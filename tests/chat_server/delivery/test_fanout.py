"""What is said in a room reaches everybody in it, once and in one order."""

import signal
import sqlite3
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import cast

import pytest

from chat_server.delivery.counters import Counters
from chat_server.delivery.fair_queue import FairQueue
from chat_server.delivery.fanout import GROUP_BYTES, Delivery
from chat_server.delivery.outbox import OWED_LIMIT
from chat_server.moderation.notices import OwnNotices
from chat_server.rooms.log_tail import message_cost
from chat_server.rooms.room import Draft, Outlet, Room
from chat_server.runtime.clock import SystemClock
from chat_server.runtime.round_robin import Party
from chat_server.runtime.threads import EXIT_CODE
from chat_server.server import Server
from chat_server.storage.sqlite.log import SqliteLog
from protocol.messages import Message
from tests.chat_server.house import House, seqs, texts, whole_log
from tests.chat_server.storage.test_database import forbid
from tests.support.clock import ManualClock
from tests.support.peer import ConnectionEnded, CutShort, Peer, encode
from tests.support.servers import ENVIRONMENT, ROOT, ServerProcess, address_of, running_server
from tests.support.waiting import DEADLINE, eventually


def test_a_message_says_where_when_who_and_what() -> None:
    """Every member of `message` is there, its time the server's."""
    clock = ManualClock(1_800_000_123.25)
    with running_server(clock=clock) as server, House(address_of(server)) as house:
        ada = house.enter("ada", "lobby")
        assert ada.say("lobby", "hi") == 1
        assert ada.messages(1) == [
            {
                "type": "message",
                "room": "lobby",
                "seq": 1,
                "time": 1_800_000_123.25,
                "from": "ada",
                "kind": "text",
                "text": "hi",
            }
        ]


def test_members_get_every_message_their_own_too(house: House) -> None:
    """That is how a client shows what it said."""
    peers = [house.enter(nick, "lobby") for nick in ("ada", "eva", "zoe")]
    for number, peer in enumerate(peers, 1):
        assert peer.say("lobby", f"I am {number}") == number
    logs = [peer.messages(3) for peer in peers]
    assert logs[0] == logs[1] == logs[2]
    assert seqs(logs[0]) == [1, 2, 3]
    assert [message["from"] for message in logs[0]] == ["ada", "eva", "zoe"]


def test_an_action_is_marked(house: House) -> None:
    """`kind` is text by default, and action on demand."""
    ada = house.enter("ada", "lobby")
    ada.say("lobby", "waves", kind="action")
    ada.say("lobby", "hi", kind="text")
    ada.say("lobby", "hi")
    assert [message["kind"] for message in ada.messages(3)] == ["action", "text", "text"]


@pytest.mark.parametrize("kind", ["topic", "notice", "shout", ""])
def test_other_kinds_are_not_a_clients_to_say(house: House, kind: str) -> None:
    """bad_request; nothing is stored."""
    ada = house.enter("ada", "lobby")
    ada.refused("bad_request", "say", room="lobby", text="hi", kind=kind)
    assert ada.join("lobby")["seq"] == 0


@pytest.mark.parametrize(
    "text",
    [" a ", "a\n\tb", "x" * 4000, "🦊" * 4000, "e\u0301", "\u202eabc", "a" + "\u0300" * 30],
)
def test_a_good_text_arrives_composed(house: House, text: str) -> None:
    """NFC and otherwise as it was, up to 4,000 characters, and so it is stored."""
    ada = house.enter("ada", "lobby")
    ada.say("lobby", text)
    composed = unicodedata.normalize("NFC", text)
    assert texts(ada.messages(1)) == [composed]
    assert texts(whole_log(ada, "lobby")) == [composed]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad_text"),
        ("\n \t", "bad_text"),
        ("\u3000", "bad_text"),
        ("a\x1b[2J", "bad_text"),
        ("a\x00", "bad_text"),
        ("a\r\n", "bad_text"),
        ("a\x7f", "bad_text"),
        ("a\x85", "bad_text"),
        ("a\x9b", "bad_text"),
        ("x" * 4001, "text_too_long"),
        ("\u0958" * 2001, "text_too_long"),
    ],
)
def test_a_bad_text_is_refused_and_takes_no_seq(house: House, text: str, code: str) -> None:
    """The log has no gap where something was refused."""
    ada = house.enter("ada", "lobby")
    ada.say("lobby", "one")
    ada.refused(code, "say", room="lobby", text=text)
    assert ada.say("lobby", "two") == 2


def test_rooms_are_apart(house: House) -> None:
    """Each room has its own log, from 1; who is in one of them does not hear the other."""
    ada, eva = house.enter("ada", "lobby", "garden"), house.enter("eva", "garden")
    assert ada.say("lobby", "one") == 1
    assert ada.say("garden", "two") == 1
    assert ada.say("lobby", "three") == 2
    assert texts(eva.messages(1)) == ["two"]
    assert not [frame for frame in eva.queue if frame["type"] == "message"]
    assert texts(ada.messages(2, "lobby")) == ["one", "three"]
    assert texts(ada.messages(1, "garden")) == ["two"]


def test_requests_that_come_in_one_piece_are_each_answered(house: House) -> None:
    """A hundred in a row get a hundred replies, and stand in the log in their order."""
    ada = house.enter("ada", "lobby")
    sent = [f"line {number}" for number in range(100)]
    ids = [ada.post("say", room="lobby", text=text) for text in sent]
    assert [ada.reply(identity)["seq"] for identity in ids] == list(range(1, 101))
    messages = ada.messages(100)
    assert texts(messages) == sent
    assert seqs(messages) == list(range(1, 101))


ROOMS = ("red", "green", "blue")
EACH = 150


def _talk(peer: Peer, seqs_of: dict[str, list[tuple[str, int]]]) -> None:
    """Say EACH messages to each room without waiting, then collect what the oks say."""
    sent = [(room, f"{peer.nick} {n}") for n in range(EACH) for room in ROOMS]
    ids = [peer.post("say", room=room, text=text) for room, text in sent]
    said = seqs_of.setdefault(peer.nick, [])
    for identity, (room, text) in zip(ids, sent, strict=True):
        said.append((f"{room} {text}", peer.reply(identity)["seq"]))


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_everybody_hears_one_same_order_exactly_once(workers: int) -> None:
    """Four talk at once in three rooms, five listen: one order, no gap, nothing twice."""
    with running_server(delivery_workers=workers) as server, House(server) as house:
        _hear_one_order(house)


def _hear_one_order(house: House) -> None:
    talkers = [house.enter(f"talker{n}", *ROOMS) for n in range(4)]
    listeners = [house.enter(f"listener{n}", *ROOMS) for n in range(5)]
    acknowledged: dict[str, list[tuple[str, int]]] = {}
    threads = [threading.Thread(target=_talk, args=(peer, acknowledged)) for peer in talkers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for room in ROOMS:
        logs = [peer.messages(4 * EACH, room) for peer in listeners + talkers]
        assert all(log == logs[0] for log in logs)
        assert seqs(logs[0]) == list(range(1, 4 * EACH + 1))
        for talker in talkers:
            own = [m["text"] for m in logs[0] if m["from"] == talker.nick]
            assert own == [f"{talker.nick} {n}" for n in range(EACH)]
    heard = {(f"{m['room']} {m['text']}", m["seq"]) for m in logs[0]}
    said = {pair for pairs in acknowledged.values() for pair in pairs}
    assert heard <= said
    assert len(said) == 4 * 3 * EACH


def test_a_talker_that_leaves_at_once_is_heard(house: House) -> None:
    """What was sent before a bye is stored and answered before the close."""
    ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
    ids = [ada.post("say", room="lobby", text=f"{n}") for n in range(50)]
    bye = ada.post("bye")
    frames = ada.expect_end("bye")
    replies = [frame["re"] for frame in frames if frame["type"] == "ok"]
    assert replies == [*ids, bye]
    assert texts(eva.messages(50)) == [str(n) for n in range(50)]


def test_a_talker_that_half_closes_is_heard_to_the_end(house: House) -> None:
    """`printf ... | client` sends all it has and then no more: nothing of it is lost."""
    ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
    for n in range(50):
        ada.post("say", room="lobby", text=f"{n}")
    ada.half_close()
    assert texts(eva.messages(50)) == [str(n) for n in range(50)]


def test_a_store_that_waits_for_the_disk(tmp_path: Path) -> None:
    """`--sync full`: the same, only later."""
    with ServerProcess.serve(tmp_path, "--sync", "full") as server, House(server.address) as house:
        ada = house.enter("ada", "lobby")
        assert [ada.say("lobby", text) for text in ("one", "two")] == [1, 2]


# -- many rooms in one transaction ----------------------------------------------------------------

MANY = [f"room{number}" for number in range(20)]


@contextmanager
def held_up(server: Server) -> Iterator[list[str]]:
    """Keep the store from writing while the block runs. Gives the transactions that come then."""
    seen: list[str] = []
    log = server._parts.store
    assert isinstance(log, SqliteLog)
    with closing(sqlite3.connect(log.file.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        log.file._writer.set_trace_callback(seen.append)
        try:
            yield seen
        finally:
            other.execute("ROLLBACK")


def commits(seen: list[str]) -> int:
    """How many of these statements end a transaction."""
    return seen.count("COMMIT")


def waiting(server: Server, rooms: list[str]) -> int:
    """How many messages wait to be stored in rooms."""
    found = [server._parts.rooms.find(room) for room in rooms]
    return sum(room.waiting for room in found if room)


def test_rooms_that_wait_are_stored_in_one_transaction(house: House) -> None:
    """Twenty rooms, said to while the store is busy with one: two commits and not twenty."""
    server = house.server
    assert server is not None
    ada, eva = house.enter("ada", *MANY), house.enter("eva", *MANY)
    with held_up(server) as seen:
        first = ada.post("say", room=MANY[0], text="first")
        eventually(lambda: not waiting(server, MANY) and "BEGIN IMMEDIATE" in seen)
        ids = [ada.post("say", room=room, text=f"in {room}") for room in MANY[1:] for _ in (1, 2)]
        eventually(lambda: waiting(server, MANY) == len(ids))
    assert ada.reply(first)["seq"] == 1
    assert [ada.reply(identity)["seq"] for identity in ids] == [1, 2] * len(MANY[1:])
    assert commits(seen) == 2
    for room in MANY[1:]:
        assert texts(eva.messages(2, room)) == [f"in {room}"] * 2


def test_a_commit_that_fails_is_told_to_each_talker(house: House) -> None:
    """Two talk in many rooms: each gets as many refusals as it asked, and again it all works."""
    server = house.server
    assert server is not None
    ada, eva = house.enter("ada", *MANY), house.enter("eva", *MANY)
    log = server._parts.store
    assert isinstance(log, SqliteLog)
    writer = log.file._writer
    forbid(writer, "COMMIT")
    ids = {peer: [peer.post("say", room=room, text="x") for room in MANY] for peer in (ada, eva)}
    for peer, asked in ids.items():
        for identity in asked:
            reply = peer.reply(identity)
            assert (reply["type"], reply["code"]) == ("error", "unavailable")
    forbid(writer)
    for seq, (peer, asked) in enumerate(ids.items(), 1):
        for identity, room in zip(asked, MANY, strict=True):
            peer.send({"type": "say", "id": identity, "room": room, "text": peer.nick})
            assert peer.reply(identity)["seq"] == seq
    assert all(texts(whole_log(ada, room)) == ["ada", "eva"] for room in MANY)


def test_a_commit_that_ends_in_doubt_ends_the_server(tmp_path: Path) -> None:
    """Nobody may guess: the next start reads what is stored, and clients send again."""
    script = _SHORT_OF_MEMORY.format(path=str(tmp_path))
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == EXIT_CODE, ended.stderr
    assert "OutcomeUnknownError" in ended.stderr
    with ServerProcess.serve(tmp_path) as server, House(server.address) as house:
        assert texts(whole_log(house.enter("eva", "lobby"), "lobby")) == ["in doubt"]


_SHORT_OF_MEMORY = """
from pathlib import Path
from chat_server.runtime.threads import end_process_on_failure
from tests.chat_server.house import House
from tests.support.servers import running_server

def no_memory():
    raise MemoryError

end_process_on_failure(lambda: None)
with running_server(Path({path!r})) as server, House(server) as house:
    ada = house.enter("ada", "lobby")
    server._parts.store.file.transactions._committed = no_memory
    ada.post("say", room="lobby", text="in doubt")
    ada.read_to_end()
"""


def test_a_kill_between_a_commit_and_its_replies_loses_nothing(tmp_path: Path) -> None:
    """Ten rooms or more in one transaction, and nobody was told: sent again, all is there once."""
    said = [(nick, room) for nick in ("ada", "eva") for room in MANY]
    ids, sessions = {}, {}
    server = _killed_after_a_large_commit(tmp_path)
    assert server.stdout is not None
    with server.stdout as printed, House(printed.readline().strip()) as house:
        peers = {nick: house.enter(nick, *MANY) for nick in ("ada", "eva")}
        for nick, peer in peers.items():
            peer.say(MANY[0], "first")  # from now on the session is stored
            sessions[nick] = peer.session
        with closing(sqlite3.connect(tmp_path / "history.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for nick, room in said:
                ids[nick, room] = peers[nick].post("say", room=room, text=nick)
            for peer in peers.values():
                peer.ping()  # so all before it waits to be stored
            other.execute("ROLLBACK")
        assert server.wait(DEADLINE) == -signal.SIGKILL
        told = set()
        for nick, peer in peers.items():
            with pytest.raises((ConnectionEnded, CutShort)):
                peer.messages(1000)
            told |= {(nick, frame["re"]) for frame in peer.queue if frame["type"] == "ok"}
        assert len([1 for (nick, _), id_ in ids.items() if (nick, id_) not in told]) >= 10
    with ServerProcess.serve(tmp_path) as again, House(again.address) as house:
        peers = {nick: house.enter(nick, *MANY, session=sessions[nick]) for nick in sessions}
        for (nick, room), identity in ids.items():
            peers[nick].send({"type": "say", "id": identity, "room": room, "text": nick})
            assert peers[nick].reply(identity)["type"] == "ok"
        for room in MANY:
            log = whole_log(peers["ada"], room)
            assert sorted(m["text"] for m in log if m["text"] != "first") == ["ada", "eva"]
            assert seqs(log) == list(range(1, len(log) + 1))


def _killed_after_a_large_commit(data: Path) -> "subprocess.Popen[str]":
    """Start a server that is killed right after it has committed ten rooms or more at once."""
    return subprocess.Popen(
        [sys.executable, "-c", _KILLED.format(path=str(data))],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
    )


_KILLED = """
import os, signal, threading
from pathlib import Path
from tests.support.servers import address_of, running_server

statements = []

def committed():
    if sum("SET last_seq" in each for each in statements) >= 10:
        os.kill(os.getpid(), signal.SIGKILL)
    statements.clear()

with running_server(Path({path!r})) as server:
    file = server._parts.store.file
    file._writer.set_trace_callback(statements.append)
    file.transactions._committed = committed
    print(address_of(server), flush=True)
    threading.Event().wait()
"""


def test_workers_share_the_rooms_that_wait() -> None:
    """A worker of three takes no more than its part in hand, so that the others have something."""
    with running_server(delivery_workers=3) as server, House(server) as house:
        ada = house.enter("ada", *MANY)
        for room in MANY:
            ada.say(room, "hello")
        rooms = [server._parts.rooms.find(room) for room in MANY]
        assert all(rooms)
        group = Delivery(server._parts.store, SystemClock(), 3, Counters(), FairQueue())
        for found in rooms:
            assert found is not None
            group.give_turn(found)
        taken = group._next_group()
        assert taken is not None
        assert len(taken.rooms) == 1 + len(rooms[1:]) // 3


LONG = "\N{GRINNING FACE}" * 4000
LONGEST = message_cost(LONG)


class _Talker(OwnNotices):
    """Says something in rooms, as somebody whose drafts nobody waits for."""

    def __init__(self, address: str, client: int) -> None:
        super().__init__("somebody")
        self.party = Party(address, client)

    def say(self, room: Room, text: str) -> None:
        """Post it, and have the room wait for a worker."""
        room.post(
            Draft(self, 1, 1, Message.unnumbered("somebody", "text", text), (cast(Outlet, self),)),
            None,
        )


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[Delivery]:
    """A delivery whose workers were not started: the test takes the rooms."""
    with closing(SqliteLog(tmp_path)) as log:
        yield Delivery(log, SystemClock(), 1, Counters(), FairQueue())


def _rooms(delivery: Delivery, count: int, name: str) -> list[Room]:
    return [
        Room(f"{name}{number}", "", 0, delivery.give_turn, lambda _: None)
        for number in range(count)
    ]


@pytest.mark.parametrize("address", ["a", "b"])
def test_who_talks_in_many_rooms_has_no_more_turns(idle: Delivery, address: str) -> None:
    """Long texts in 500 rooms, by five clients: a sixth one's room is in the first two groups, or
    in the first one, if it is at another address.
    """
    for client in range(5):
        talker = _Talker("a", client)
        for room in _rooms(idle, 100, f"hall{client}-"):
            talker.say(room, LONG)
    (garden,) = _rooms(idle, 1, "garden")
    _Talker(address, 5).say(garden, "tea?")
    groups = [idle._next_group() for _ in range(1 if address == "b" else 2)]
    for each in groups:
        assert each is not None
        rooms, cost, space = each
        assert space < 2 * LONGEST
        assert cost == sum(min(room.waiting_cost, space) for room in rooms)
        assert cost <= GROUP_BYTES + LONGEST
    assert garden in rooms


def test_fifty_clients_at_one_address_are_ahead_of_another_once(idle: Delivery) -> None:
    """However many of them there are. Who has least to store is fed first."""
    for client, room in enumerate(_rooms(idle, 50, "hall")):
        _Talker("a", client).say(room, LONG)
    (garden,) = _rooms(idle, 1, "garden")
    _Talker("b", 50).say(garden, "tea?")
    first = idle._next_group()
    assert first is not None
    assert len(first.rooms) > 1
    assert first.rooms[0] is garden


def test_one_client_has_only_so_much_waiting_in_all_rooms(house: House) -> None:
    """It is read no further, and goes on when that is stored."""
    server = house.server
    assert server is not None
    names = [f"hall{number}" for number in range(60)]
    ada = house.enter("ada", *names)
    with held_up(server):
        burst = [
            encode({"type": "say", "id": ada.next_id(), "room": name, "text": LONG})
            for name in names
        ]
        sender = threading.Thread(target=ada.send_raw, args=(b"".join(burst),))
        sender.start()
        eventually(lambda: held_back(server))
        rooms = [room for room in server._parts.rooms.all() if room.name in names]
        assert sum(room.waiting_cost for room in rooms) <= OWED_LIMIT + LONGEST
    sender.join(10)
    assert len({ada.reply(identity)["seq"] for identity in range(61, 121)}) == 1


def held_back(server: Server) -> bool:
    """Whether the one connection waits for what it said to be stored."""
    (connection,) = server._crowd.connections()
    return connection.outbox.is_long
