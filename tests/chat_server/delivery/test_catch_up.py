"""A reader that stops is caught up at its own pace: it loses nothing and holds up nobody."""

import random
import socket
import struct
import threading
from functools import partial
from pathlib import Path

import pytest

from tests.chat_server.house import House, seqs
from tests.support.peer import Peer, encode
from tests.support.servers import ServerProcess
from tests.support.waiting import Deadline, eventually

BATCH = 500


def talk(peer: Peer, room: str, last: int, text: str, begin: int = 1) -> None:
    """Say messages `begin` to `last` in batches, and read what comes back."""
    for first in range(begin, last + 1, BATCH):
        ids = range(first, min(first + BATCH, last + 1))
        says = [{"type": "say", "id": n, "room": room, "text": f"{n} {text}"} for n in ids]
        peer.send_raw(b"".join(map(encode, says)))
        for n in ids:
            assert peer.reply(n, within=30)["seq"] == n
        peer.queue.clear()


def read_in_order(peer: Peer, room: str, first: int, last: int) -> None:
    """Read the messages from `first` to `last`, which must come in one unbroken sequence."""
    deadline = Deadline(40)
    for seq in range(first, last + 1):
        frame = peer.take(lambda frame: frame["type"] == "message", deadline.left)
        assert (frame["room"], frame["seq"]) == (room, seq)
        assert frame["text"].partition(" ")[0] == str(seq)
    assert not [frame for frame in peer.queue if frame["type"] == "message"]


def resident(pid: int) -> int:
    """How many bytes of memory a process has."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


@pytest.mark.long
def test_who_did_not_read_gets_all_50000_in_order(house: House) -> None:
    """Every one, once, and then the living ones; and it was not sent away."""
    deaf, talker = house.enter("deaf", "lobby"), house.enter("talker", "lobby")
    talk(talker, "lobby", 50_000, "hello")
    read_in_order(deaf, "lobby", 1, 50_000)
    talker.send({"type": "say", "id": 50_001, "room": "lobby", "text": "50001 live"})
    read_in_order(deaf, "lobby", 50_001, 50_001)
    deaf.ping()


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc for VmRSS")
def test_the_servers_memory_for_it_is_bounded(tmp_path: Path) -> None:
    """40 MB pass while three members do not read: what the server keeps is not the backlog."""
    with ServerProcess.serve(tmp_path) as server, House(server.address) as house:
        talker = house.enter("talker", "lobby")
        talk(talker, "lobby", 2000, "x" * 2000)
        deaf = [house.enter(f"deaf{n}", "lobby") for n in range(3)]
        before = resident(server.pid)
        talk(talker, "lobby", 22_000, "x" * 2000, begin=2001)
        assert resident(server.pid) - before < 20_000_000
        for peer in deaf:
            read_in_order(peer, "lobby", 2001, 22_000)


def test_half_of_the_members_hold_up_nobody(house: House) -> None:
    """Ten of twenty do not read; the others have everything before these begin."""
    deaf = [house.enter(f"deaf{n}", "lobby") for n in range(10)]
    awake = [house.enter(f"awake{n}", "lobby") for n in range(10)]
    talker = house.enter("talker", "lobby")
    threads = [
        threading.Thread(target=read_in_order, args=(peer, "lobby", 1, 3000)) for peer in awake
    ]
    for thread in threads:
        thread.start()
    talk(talker, "lobby", 3000, "x" * 500)
    for thread in threads:
        thread.join()
    for peer in deaf:
        read_in_order(peer, "lobby", 1, 3000)


def test_it_still_hears_what_it_asks(house: House) -> None:
    """A member that lags is answered when it reads: behind what was sent, and in full."""
    deaf, talker = house.enter("deaf", "lobby"), house.enter("talker", "lobby")
    talk(talker, "lobby", 5000, "x" * 500)
    deaf.ping()
    assert deaf.ok("say", room="lobby", text="5001 awake")["seq"] == 5001
    read_in_order(deaf, "lobby", 1, 5001)


def test_rooms_of_a_lagging_member_are_each_in_order(house: House) -> None:
    """Two rooms at once: each is one unbroken sequence, and neither starves the other."""
    deaf = house.enter("deaf", "red", "blue")
    talkers = [house.enter("one", "red"), house.enter("two", "blue")]
    threads = [
        threading.Thread(target=talk, args=(peer, room, 5000, "x" * 300))
        for peer, room in zip(talkers, ("red", "blue"), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    messages = deaf.messages(10_000, within=30)
    for room in ("red", "blue"):
        assert seqs([m for m in messages if m["room"] == room]) == list(range(1, 5001))


def test_one_that_leaves_while_it_lags_is_let_go(house: House) -> None:
    """Leave, close and reset in the middle of a backlog: the room goes on."""
    talker = house.enter("talker", "lobby")
    deaf = [house.enter(f"deaf{n}", "lobby") for n in range(3)]
    talk(talker, "lobby", 5000, "x" * 500)
    deaf[0].ok("leave", room="lobby")
    deaf[1].close()
    deaf[2].reset()
    talker.send({"type": "say", "id": 5001, "room": "lobby", "text": "5001 still here"})
    assert talker.reply(5001)["seq"] == 5001


def _read_in_bursts(peer: Peer, total: int, seed: int, said: list[int]) -> None:
    """Read with a small buffer, now and then not at all until so much more was `said`."""
    source = random.Random(seed)
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 * 1024)
    read = 0
    deadline = Deadline(40)
    while read < total:
        for _ in range(source.choice([1, 10, 200, 2000])):
            if read == total:
                break
            frame = peer.take(lambda frame: frame["type"] == "message", deadline.left)
            read += 1
            assert frame["seq"] == read
        behind = min(read + source.choice([0, 0, 500, 3000]), total)
        eventually(partial(_has_said, said, behind))


def _has_said(said: list[int], number: int) -> bool:
    return said[0] >= number


@pytest.mark.long
def test_falling_behind_and_catching_up_again_and_again_loses_nothing(house: House) -> None:
    """Six readers stop and go while one talks: the step back to live never drops one of them."""
    readers = [house.enter(f"reader{n}", "lobby") for n in range(6)]
    talker = house.enter("talker", "lobby")
    said = [0]
    threads = [
        threading.Thread(target=_read_in_bursts, args=(peer, 12_000, seed, said))
        for seed, peer in enumerate(readers)
    ]
    for thread in threads:
        thread.start()
    for last in range(BATCH, 12_001, BATCH):
        talk(talker, "lobby", last, "x" * 400, begin=last - BATCH + 1)
        said[0] = last
    for thread in threads:
        thread.join()


def test_a_half_frame_does_not_hold_up_the_others(house: House) -> None:
    """A frame that never ends is its sender's affair alone."""
    stuck = house.enter("stuck", "lobby")
    stuck.send_raw(struct.pack("!I", 65536) + b'{"type":"say"')
    ada = house.enter("ada", "lobby")
    assert ada.say("lobby", "1 hi") == 1
    read_in_order(stuck, "lobby", 1, 1)
