"""Nothing is lost and nothing comes twice, whatever happens to the connection or the server."""

import threading
from functools import partial
from pathlib import Path

import pytest

import chat_client
from chat_client import Chat, Closed, Connected, Ended, Message, Reconnecting
from chat_client.session import reader as reader_module
from tests.chat_client.recorder import Recorder
from tests.support.leaks import nothing_left_behind
from tests.support.peer import Peer
from tests.support.proxy import Proxy, mischief
from tests.support.servers import ServerProcess, address_of, running_server
from tests.support.waiting import DEADLINE, eventually


def talk(chat: Chat, room: str, count: int) -> list[int]:
    """Say `count` things and return their seqs."""
    joined = chat.join(room)
    return [joined.say(f"{chat.nick} {number}") for number in range(count)]


def has_heard(chat: Chat, seq: int) -> bool:
    """Whether a chat has come so far in the lobby."""
    return chat.join("lobby").heard >= seq


def log_of(address: str, room: str, count: int) -> list[tuple[str, str]]:
    """What the server has in the log, as a client of another make reads it."""
    with Peer.connect(address) as peer:
        peer.hello("auditor")
        peer.join(room, after=0)
        frames = peer.messages(count, room)
        assert [frame["seq"] for frame in frames] == list(range(1, count + 1))
        assert peer.join("other")
        return [(frame["from"], frame["text"]) for frame in frames]


@pytest.mark.long
def test_a_server_that_is_killed_in_a_flood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What got its `ok` is in the log once, and every client heard everything once, in order."""
    monkeypatch.setattr(reader_module, "_FIRST_DELAY", 0.1)
    each, nicks = 300, ["ana", "bob", "cleo", "dora"]
    total = each * len(nicks)
    recorders = {nick: Recorder() for nick in nicks}
    server = ServerProcess.serve(tmp_path)
    try:
        chats = [
            chat_client.connect(server.address, nick=nick, on_event=recorders[nick])
            for nick in nicks
        ]
        for chat in chats:
            chat.join("lobby")
        talkers = [threading.Thread(target=talk, args=(chat, "lobby", each)) for chat in chats]
        for talker in talkers:
            talker.start()
        for share in (4, 2):
            eventually(partial(has_heard, chats[0], total // share))
            server.kill()
            server = server.restarted()
        for talker in talkers:
            talker.join()
        assert all(chat.join("lobby").wait_for(total, DEADLINE) for chat in chats)
        for chat in chats:
            chat.close()
        logged = log_of(server.address, "lobby", total)
    finally:
        server.close()
    for nick in nicks:
        assert recorders[nick].seqs("lobby") == list(range(1, total + 1))
        assert len(recorders[nick].of(Reconnecting)) >= 2
        mine = [text for who, text in logged if who == nick]
        assert mine == [f"{nick} {number}" for number in range(each)]


@pytest.mark.parametrize("seed", range(6))
def test_a_bad_network(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that are cut, reset, stalled and split change nothing of what is said."""
    monkeypatch.setattr(reader_module, "_FIRST_DELAY", 0.02)
    count = 120
    recorder = Recorder()
    with (
        nothing_left_behind(),
        running_server() as server,
        Proxy(address_of(server), mischief(seed, life=20_000, patience=0.05)) as proxy,
    ):
        with (
            chat_client.connect(address_of(server), nick="bob", bot=False) as bob,
            chat_client.connect(proxy.address, nick="ana", on_event=recorder) as ana,
        ):
            room = ana.join("lobby")
            other = threading.Thread(target=talk, args=(bob, "lobby", count))
            other.start()
            seqs = talk(ana, "lobby", count)
            other.join()
            assert room.wait_for(2 * count, DEADLINE)
            assert [next(room).seq for _ in range(2 * count)] == list(range(1, 2 * count + 1))
        logged = log_of(address_of(server), "lobby", 2 * count)
    assert seqs == [n for n, (who, _) in enumerate(logged, 1) if who == "ana"]
    assert recorder.seqs("lobby") == list(range(1, 2 * count + 1))


def test_a_server_with_other_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session and a log that the server does not know are no reason to end."""
    monkeypatch.setattr(reader_module, "_FIRST_DELAY", 0.05)
    server = ServerProcess.serve(tmp_path / "one")
    recorder = Recorder()
    with chat_client.connect(server.address, nick="ana", on_event=recorder) as chat:
        room = chat.join("lobby")
        assert [room.say("old") for _ in range(3)] == [1, 2, 3]
        eventually(lambda: len(recorder.of(Message)) == 3)  # what is not heard by now is lost
        server.kill()
        with ServerProcess.serve(tmp_path / "two", port=server.port):
            assert room.say("new") == 1
            eventually(lambda: len(recorder.of(Message)) == 4)
    assert [message.text for message in recorder.of(Message)] == ["old"] * 3 + ["new"]


def test_the_server_says_when_it_stops(tmp_path: Path) -> None:
    """A planned stop is told as one."""
    recorder = Recorder()
    with (
        ServerProcess.serve(tmp_path) as server,
        chat_client.connect(server.address, nick="ana", on_event=recorder) as chat,
    ):
        chat.join("lobby")
        server.terminate()
        eventually(lambda: recorder.of(Reconnecting))
    assert "stopping" in recorder.of(Reconnecting)[0].reason
    assert recorder.events[-1] == Ended(None)


def test_closing_while_there_is_no_connection(tmp_path: Path) -> None:
    """Neither the delay before the next try nor a request that waits holds it up."""
    with nothing_left_behind(), ServerProcess.serve(tmp_path) as server:
        recorder = Recorder()
        chat = chat_client.connect(server.address, nick="ana", on_event=recorder)
        room = chat.join("lobby")
        server.kill()
        eventually(lambda: recorder.of(Reconnecting))
        failed: list[Closed] = []

        def say() -> None:
            try:
                room.say("anybody?")
            except Closed as error:
                failed.append(error)

        talker = threading.Thread(target=say)
        talker.start()
        chat.close()
        talker.join(DEADLINE)
    assert len(failed) == 1


def test_delays_grow_and_are_drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Full jitter: each delay is drawn from 0 up to a bound that doubles, and stays low nearby."""
    bounds: list[float] = []

    def draw(low: float, high: float) -> float:
        assert low == 0
        bounds.append(high)
        return 0.0

    monkeypatch.setattr("random.uniform", draw)
    server = ServerProcess.serve(tmp_path)
    recorder = Recorder()
    with chat_client.connect(server.address, nick="ana", on_event=recorder):
        server.kill()
        eventually(lambda: len(bounds) >= 12)
        server = server.restarted()
        eventually(lambda: len(recorder.of(Connected)) == 2)
        server.close()
    assert bounds[:6] == [1.0, 2.0, 4.0, 5.0, 5.0, 5.0]
