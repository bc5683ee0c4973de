"""A full disk, no descriptors left, a clock set back: refused by name, and over when it is over."""

import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chat_server.house import House, seqs, texts, whole_log
from tests.support.clock import ManualClock
from tests.support.peer import ConnectionEnded, Peer
from tests.support.servers import ServerProcess, address_of, running_server
from tests.support.waiting import eventually

needs_prlimit = pytest.mark.skipif(
    sys.platform != "linux", reason="needs prlimit(2), to limit a server that runs"
)


def limit(server: ServerProcess, what: int, soft: int | None = None) -> None:
    """Put a limit on a running server, or take it away again."""
    _, hard = resource.prlimit(server.pid, what)
    resource.prlimit(server.pid, what, (hard if soft is None else soft, hard))


def fill_the_disk(server: ServerProcess, data: Path) -> None:
    """No file of the server may grow any more: its writes fail as on a full disk."""
    largest = max(path.stat().st_size for path in data.iterdir())
    limit(server, resource.RLIMIT_FSIZE, largest)


@needs_prlimit
def test_a_full_disk_refuses_what_it_cannot_keep(tmp_path: Path) -> None:
    """`unavailable`, not fatal; never ok to what is not stored; by itself all is well again."""
    with ServerProcess.serve(tmp_path) as server, House(server.address) as house:
        ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
        assert ada.say("lobby", "one") == 1
        fill_the_disk(server, tmp_path)
        replies = [ada.request("say", room="lobby", text="x" * 4000) for _ in range(100)]
        refused = [reply for reply in replies if reply["type"] == "error"]
        stored = [reply["seq"] for reply in replies if reply["type"] == "ok"]
        assert refused
        for error in refused:
            assert error["code"] == "unavailable"
            assert error["retry_after"] > 0
        assert stored == list(range(2, len(stored) + 2))
        assert texts(eva.page("history", room="lobby", limit=1, before=2)["messages"]) == ["one"]
        limit(server, resource.RLIMIT_FSIZE)
        assert ada.say("lobby", "again") == len(stored) + 2
        assert seqs(eva.messages(len(stored) + 2)) == list(range(1, len(stored) + 3))
        assert seqs(whole_log(eva, "lobby")) == list(range(1, len(stored) + 3))
        assert "Traceback" not in server.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 80 MB, as root can have one."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", str(tmp_path)]
    try:
        mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        yield tmp_path / "data"
    finally:
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


@pytest.mark.timeout(180)
def test_a_disk_that_was_filled_by_talking_is_enough_to_ban_stop_and_start(
    small_disk: Path,
) -> None:
    """What is reserved is there, also when the log was folded back and a search wanted an index."""
    with ServerProcess.serve(small_disk) as server, House(server.address) as house:
        ada, bob = house.enter("ada", "lobby"), house.enter("bob", "lobby")
        ada.ok("claim", secret=server.secret)
        refused = 0
        while not refused:
            ids = [bob.post("say", room="lobby", text="\N{SNOWMAN}" * 4000) for _ in range(20)]
            refused = sum(bob.reply(identity)["type"] == "error" for identity in ids)
            bob.queue.clear()
            ada.ping()
            ada.queue.clear()
        ada.request("search", room="lobby", query="\N{SNOWMAN}")
        assert shutil.disk_usage(small_disk).free > 1_000_000
        ada.ok("ban", who="bob")
        server.terminate()
        assert server.wait() == 0
        assert shutil.disk_usage(small_disk).free > 1_000_000
        with server.restarted() as again, House(again.address) as back:
            assert back.connect().hello("bob")["code"] == "banned"
            assert back.enter("ada", "lobby").page("history", room="lobby")["messages"]


@needs_prlimit
def test_what_was_refused_can_be_sent_again_with_its_id(tmp_path: Path) -> None:
    """The client that waits and repeats gets its ok, and it is stored once."""
    with ServerProcess.serve(tmp_path) as server, House(server.address) as house:
        ada = house.enter("ada", "lobby")
        fill_the_disk(server, tmp_path)
        says = [
            {"type": "say", "id": n, "room": "lobby", "text": f"{n} " + "x" * 3900}
            for n in range(1, 101)
        ]
        for say in says:
            ada.send(say)
        first = [ada.reply(n) for n in range(1, 101)]
        assert "error" in [reply["type"] for reply in first]
        limit(server, resource.RLIMIT_FSIZE)
        for say in says:
            ada.send(say)
        seq_of = {n: ada.reply(n)["seq"] for n in range(1, 101)}
        assert sorted(seq_of.values()) == list(range(1, 101))
        for n, reply in enumerate(first, 1):
            assert reply["type"] == "error" or reply["seq"] == seq_of[n]
        assert {int(text.split()[0]) for text in texts(whole_log(ada, "lobby"))} == set(seq_of)


@needs_prlimit
def test_on_a_full_disk_what_is_indexed_is_found(tmp_path: Path) -> None:
    """Looking for it writes nothing; and what comes later is found when there is room again."""
    with ServerProcess.serve(tmp_path) as server, House(server.address) as house:
        ada = house.enter("ada", "lobby")
        ada.say("lobby", "one")
        assert seqs(ada.page("search", room="lobby", query="one")["messages"]) == [1]
        limit(server, resource.RLIMIT_FSIZE, 0)
        for _ in range(3):
            assert seqs(ada.page("search", room="lobby", query="one")["messages"]) == [1]
        assert ada.request("say", room="lobby", text="one more")["code"] == "unavailable"
        limit(server, resource.RLIMIT_FSIZE)
        assert ada.say("lobby", "one more") == 2
        assert seqs(ada.page("search", room="lobby", query="one")["messages"]) == [1, 2]
        assert "Traceback" not in server.stderr


@needs_prlimit
def test_a_full_disk_does_not_keep_the_server_from_stopping(tmp_path: Path) -> None:
    """In time and with exit code 0; what had its ok is there when there is room again."""
    with ServerProcess.serve(tmp_path) as server:
        with House(server.address) as house:
            ada = house.enter("ada", "lobby")
            ada.say("lobby", "kept")
            fill_the_disk(server, tmp_path)
            for _ in range(50):
                ada.request("say", room="lobby", text="x" * 4000)
        server.terminate()
        assert server.wait(5) == 0
        assert "Traceback" not in server.stderr
        with server.restarted() as again, House(again.address) as house:
            assert texts(whole_log(house.enter("ada", "lobby"), "lobby"))[0] == "kept"


@needs_prlimit
def test_out_of_descriptors_it_goes_on_and_recovers(tmp_path: Path) -> None:
    """Connected clients talk on. New ones wait or are closed, and get in when there is room."""
    with ServerProcess.serve(tmp_path) as server, House(server.address) as house:
        ada = house.enter("ada", "lobby")
        used = len(list(Path(f"/proc/{server.pid}/fd").iterdir()))
        limit(server, resource.RLIMIT_NOFILE, used + 5)
        knocking = [Peer.connect(server.address) for _ in range(20)]
        eventually(lambda: "come in" in server.stderr)
        assert ada.say("lobby", "still here") == 1
        assert len(server.stderr.splitlines()) < 100
        for peer in knocking:
            peer.close()
        limit(server, resource.RLIMIT_NOFILE)
        eventually(lambda: _gets_in(house))
        assert "Traceback" not in server.stderr


def _gets_in(house: House) -> bool:
    try:
        return bool(house.connect().hello("eva")["type"] == "welcome")
    except (ConnectionEnded, ConnectionError):
        return False


def test_a_clock_that_is_set_back_changes_no_order(tmp_path: Path) -> None:
    """`time` is what the clock said; `seq` goes on, live and in the history."""
    clock = ManualClock(1_800_000_000.0)
    with running_server(tmp_path, clock=clock) as server, House(address_of(server)) as house:
        ada = house.enter("ada", "lobby")
        assert ada.say("lobby", "one") == 1
        clock.set_time(1_700_000_000.0)
        assert ada.say("lobby", "two") == 2
        messages = ada.messages(2)
        assert [message["time"] for message in messages] == [1.8e9, 1.7e9]
        assert whole_log(ada, "lobby") == messages


@pytest.mark.long
def test_three_hundred_at_once_all_get_in(house: House) -> None:
    """A class that starts its clients on command: nobody is refused, all hear the same."""
    peers = [house.connect() for _ in range(300)]
    for number, peer in enumerate(peers):
        peer.send({"type": "hello", "version": 1, "nick": f"student{number}"})
        peer.send({"type": "join", "id": 1, "room": "lobby"})
    for peer in peers:
        peer.expect("welcome")
        assert peer.reply(1)["type"] == "ok"
    assert peers[0].say("lobby", "good morning") == 1
    for peer in peers:
        assert texts(peer.messages(1)) == ["good morning"]
