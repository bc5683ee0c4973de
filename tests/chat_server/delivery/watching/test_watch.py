"""What an owner sees of a server that works, and what looking costs."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chat_server.delivery.watching import watch
from chat_server.delivery.watching.thread_states import can_look
from chat_server.delivery.watching.watch import Watch
from chat_server.requests.context import Context
from protocol.messages import LiveMember, Look
from tests.chat_client import programs
from tests.chat_server.house import House
from tests.support.servers import ROOT, running_server
from tests.support.waiting import eventually


def parts_of(house: House) -> Context:
    assert house.server is not None
    return house.server._parts


def watch_of(house: House) -> Watch:
    return parts_of(house).watch


def fresh(house: House) -> Look:
    """A look that is not that of a moment ago."""
    before = watch_of(house).look().look

    def another() -> Look | None:
        now = watch_of(house).look().look
        return now if now is not before else None

    now = eventually(another)
    assert now is not None
    return now


def row(look: Look, nick: str) -> LiveMember:
    return next(each for each in look.members if each.nick == nick)


@contextmanager
def listening(address: str, nick: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A client of ours that hears what is said."""
    client = subprocess.Popen(
        [*programs.COMMAND, address.removeprefix("tcp://"), "--nick", nick, "--listen"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        cwd=ROOT,
        env=programs.ENVIRONMENT,
    )
    try:
        yield client
    finally:
        client.kill()
        client.wait()


@pytest.mark.skipif(not can_look(), reason="without a GIL nobody may look")
def test_the_threads_and_what_they_do(house: House) -> None:
    """The server's own first; a connection's with who it serves."""
    house.enter("ana", "lobby")
    threads = {each.name: each for each in fresh(house).threads}
    assert (threads["delivery-1"].state, threads["delivery-1"].what) == (
        "wait",
        "Delivery._changed",
    )
    assert threads["accept"].state == "select"
    connection = next(each for each in threads.values() if each.nick == "ana")
    assert connection.name.startswith("connection 127.0.0.1:")
    assert (connection.state, connection.what) == ("recv", "self._socket.recv(self._size)")
    names = [each.name.partition(" ")[0] for each in threads.values()]
    assert names.index("connection") == len(names) - names.count("connection")


def test_a_client_that_is_stopped_lags_and_nobody_else_does() -> None:
    """With SIGSTOP, as a laptop that is closed. When it goes on it is caught up."""
    with running_server(no_limits=True) as server, House(server) as house:
        ana = house.enter("ana", "lobby")
        with listening(house.address, "sleepy") as sleepy:
            eventually(lambda: any(each.nick == "sleepy" for each in fresh(house).members))
            os.kill(sleepy.pid, signal.SIGSTOP)
            try:
                # What the system's buffers take on both sides is handed over; then it lags.
                def lagging() -> LiveMember | None:
                    for _ in range(50):
                        ana.say("lobby", "\N{PILE OF POO}" * 4000)
                    ana.queue.clear()
                    found = row(fresh(house), "sleepy")
                    return found if found.lag > 100 else None

                found = eventually(lagging, 60)
                assert found is not None
                assert found.behind
                assert found.waiting
                look = fresh(house)
                assert look.members[0].nick == "sleepy"
                assert look.lagging == 1
                assert row(look, "ana").lag == 0
            finally:
                os.kill(sleepy.pid, signal.SIGCONT)
            eventually(lambda: row(fresh(house), "sleepy").lag == 0, 60)


def test_batches_commits_and_rates(house: House) -> None:
    """Those from when somebody began to look."""
    ana = house.enter("ana", "lobby")
    ana.say("lobby", "before")
    assert not fresh(house).commits
    for number in range(20):
        ana.post("say", room="lobby", text=f"{number}")
    ana.messages(20)

    def stored() -> Look | None:
        look = fresh(house)
        return look if sum(each.messages for each in look.commits) == 20 else None

    look = eventually(stored)
    assert look is not None
    assert all(0 < each.seconds < 60 and each.age >= 0 for each in look.commits)
    assert [each.age for each in look.commits] == sorted(
        (each.age for each in look.commits), reverse=True
    )
    assert look.messages > 0
    assert look.deliveries > 0


@pytest.mark.skipif(not can_look(), reason="without a GIL nobody may look")
def test_a_lock_that_is_waited_for(house: House) -> None:
    """By its name, and how many wait. Afterwards its share fades."""
    house.enter("ana", "lobby")
    room = parts_of(house).rooms.find("lobby")
    assert room is not None
    fresh(house)
    with parts_of(house).long_queue._lock:
        waiting = [
            threading.Thread(target=lambda: parts_of(house).long_queue.waiting) for _ in range(3)
        ]
        for each in waiting:
            each.start()

        def seen() -> bool:
            locks = {each.name: each for each in fresh(house).locks}
            return "FairQueue._lock" in locks and locks["FairQueue._lock"].waiting == 3

        eventually(seen)
    for each in waiting:
        each.join()
    after = {each.name: each for each in fresh(house).locks}["FairQueue._lock"]
    assert after.waiting == 0
    assert 0 < after.share < 1


def test_nothing_is_kept_while_nobody_looks(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commits are kept from the first look on, and until a while after the last."""
    monkeypatch.setattr(watch, "KEPT_UP", 0.05)
    counters = parts_of(house).counters
    assert counters.latest is None
    watch_of(house).look()
    assert counters.latest is not None
    eventually(lambda: counters.latest is None)
    assert watch_of(house)._seen is None
    watch_of(house).look()
    assert counters.latest is not None


def test_many_who_look_share_one_look(house: House) -> None:
    """Ten at once do not cost ten times as much."""
    looks: list[Look] = []
    gate = threading.Barrier(10)

    def look() -> None:
        gate.wait()
        looks.append(watch_of(house).look().look)

    threads = [threading.Thread(target=look) for _ in range(10)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(looks) == 10
    # Where starting them all took longer than INTERVAL, there are two.
    assert len({id(each) for each in looks}) <= 2


def test_where_a_look_takes_long_it_comes_less_often(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that it never takes more than its share of a processor."""
    for number in range(10):
        house.enter(f"n{number}", "lobby")
    fresh(house)
    monkeypatch.setattr(watch, "SHARE", 1e-5)
    look = fresh(house)
    assert look.every > 1
    assert look.cost <= 1
    assert watch_of(house).look().look is look  # the next one is not due
    assert sum(look.states.values()) == len(look.threads) + look.more_threads


def test_of_many_members_some_are_listed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """And how many there are besides."""
    for number in range(12):
        house.enter(f"n{number}", "lobby", "other")
    monkeypatch.setattr(watch, "ROWS", 5)
    look = fresh(house)
    assert (len(look.members), look.more_members) == (5, 19)
    assert len(look.threads) == 5
    assert look.more_threads == sum(look.states.values()) - 5
    monkeypatch.setattr(watch, "ROWS_SIZE", 100)
    assert len(fresh(house).members) < 5
