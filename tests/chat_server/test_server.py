"""The end: everybody is told, what was said is kept, and it is over within five seconds."""

import signal
import threading
from pathlib import Path

import pytest

from tests.chat_server.house import House, seqs, texts, whole_log
from tests.support.peer import ConnectionEnded, CutShort, Peer
from tests.support.servers import ServerProcess

# The server gives itself five seconds. A machine that does other things takes longer over them.
LIMIT = 20.0

with_workers = pytest.mark.parametrize("workers", [1, 2, 3])


def test_everybody_is_told_goodbye(tmp_path: Path) -> None:
    """`goodbye` with shutting_down, then the close; whether they were in a room or not."""
    with ServerProcess.serve(tmp_path) as server, House(server.address) as house:
        silent = house.connect()  # first: those who come later have an answer, so it is in
        peers = [house.enter("ada", "lobby"), house.enter("eva"), silent]
        server.interrupt()
        for peer in peers:
            frames = peer.expect_end("shutting_down")
            assert not [frame for frame in frames if frame["type"] == "error"]


@with_workers
@pytest.mark.parametrize("send", [ServerProcess.interrupt, ServerProcess.terminate])
def test_a_signal_ends_it_with_exit_code_0(tmp_path: Path, send: object, workers: int) -> None:
    """SIGINT and SIGTERM alike; nobody is connected, so at once."""
    assert callable(send)
    with ServerProcess.serve(tmp_path, "--delivery-workers", str(workers)) as server:
        send(server)
        assert server.wait(LIMIT) == 0
        assert "Traceback" not in server.stderr


def test_it_ends_in_time_though_clients_do_not_read(tmp_path: Path) -> None:
    """50 clients with full sockets, and 50 that never said hello."""
    with ServerProcess.serve(tmp_path) as server, House(server.address) as house:
        talker = house.enter("talker", "lobby")
        for number in range(50):
            house.enter(f"deaf{number}", "lobby")
            house.connect()
        for _ in range(300):
            talker.post("say", room="lobby", text="🦊" * 4000)
        talker.messages(300, within=30)
        server.interrupt()
        assert server.wait(LIMIT) == 0
        assert "Traceback" not in server.stderr


def _flood(address: str, nick: str, acknowledged: list[int]) -> None:
    """Say as much as the server takes until it says goodbye, and note every ok."""
    with Peer.connect(address) as peer:
        peer.hello(nick)
        peer.join("lobby")
        try:
            while True:
                for _ in range(50):
                    peer.post("say", room="lobby", text="x" * 200)
                acknowledged.extend(_next_ok(peer) for _ in range(50))
        except (ConnectionEnded, ConnectionError):
            late = [frame for frame in peer.queue if frame["type"] == "ok" and "seq" in frame]
            acknowledged += [frame["seq"] for frame in late]


def _next_ok(peer: Peer) -> int:
    frame = peer.take(lambda frame: frame["type"] == "ok" and "seq" in frame)
    peer.queue.clear()
    seq: int = frame["seq"]
    return seq


@with_workers
def test_under_a_flood_it_ends_in_time_and_keeps_what_it_acknowledged(
    tmp_path: Path, workers: int
) -> None:
    """Four talk as fast as they can: every ok is in the log when the server comes again."""
    acknowledged: list[list[int]] = [[] for _ in range(4)]
    with ServerProcess.serve(tmp_path, "--delivery-workers", str(workers)) as server:
        threads = [
            threading.Thread(target=_flood, args=(server.address, f"talker{n}", seen))
            for n, seen in enumerate(acknowledged)
        ]
        for thread in threads:
            thread.start()
        with Peer.connect(server.address) as reader:
            reader.hello("reader")
            reader.join("lobby")
            reader.messages(2000)
            server.terminate()
            assert server.wait(LIMIT) == 0
        for thread in threads:
            thread.join()
        assert "Traceback" not in server.stderr
        with server.restarted() as again, House(again.address) as house:
            log = seqs(whole_log(house.enter("eva", "lobby"), "lobby"))
    said = [seq for seen in acknowledged for seq in seen]
    assert log == list(range(1, len(log) + 1))
    assert len(set(said)) == len(said)
    assert set(said) <= set(log)


@with_workers
def test_what_was_acknowledged_is_delivered_before_the_goodbye(
    tmp_path: Path, workers: int
) -> None:
    """A drain: what is stored reaches who reads, in each of many rooms."""
    rooms = [f"room{number}" for number in range(10)]
    arguments = ("--delivery-workers", str(workers))
    with ServerProcess.serve(tmp_path, *arguments) as server, House(server.address) as house:
        ada, eva = house.enter("ada", *rooms), house.enter("eva", *rooms)
        ids = [
            ada.post("say", room=room, text=f"{number}") for number in range(50) for room in rooms
        ]
        for identity in ids:
            ada.reply(identity)
        server.interrupt()
        heard = [f for f in eva.expect_end("shutting_down") if f["type"] == "message"]
        assert server.wait(LIMIT) == 0
    for room in rooms:
        said = [message for message in heard if message["room"] == room]
        assert texts(said) == [str(number) for number in range(50)]


def test_a_second_interrupt_stops_at_once(tmp_path: Path) -> None:
    """It skips the drain. Messages that had their ok are stored."""
    with ServerProcess.serve(tmp_path) as server, House(server.address) as house:
        ada = house.enter("ada", "lobby")
        ada.say("lobby", "kept")
        for number in range(20):
            house.enter(f"deaf{number}", "lobby")
        server.interrupt()
        ada.expect_end("shutting_down")
        server.interrupt()
        code = server.wait(LIMIT)
        assert code in (0, 128 + signal.SIGINT, -signal.SIGINT)
        assert "Traceback" not in server.stderr
        with server.restarted() as again, House(again.address) as other:
            assert texts(whole_log(other.enter("ada", "lobby"), "lobby")) == ["kept"]


def test_nobody_new_comes_in_while_it_stops(tmp_path: Path) -> None:
    """The listeners are closed first."""
    with ServerProcess.serve(tmp_path) as server, House(server.address) as house:
        ada = house.enter("ada", "lobby")
        house.enter("deaf", "lobby")
        server.interrupt()
        ada.expect_end("shutting_down")
        with pytest.raises((ConnectionError, ConnectionEnded, CutShort)):
            house.enter("late")
