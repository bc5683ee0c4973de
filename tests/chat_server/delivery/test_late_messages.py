"""The messages that wait: what is pruned, and what a moment decides. See also test_direct.py."""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

from chat_server.identity.store.people_store import FILE
from tests.chat_server.house import House
from tests.chat_server.requests.talk.test_direct import PASSWORD, registered
from tests.support.clock import ManualClock
from tests.support.peer import Peer
from tests.support.servers import running_server
from tests.support.waiting import eventually


def waiting(folder: Path) -> int:
    """How many messages are on the disk."""
    with closing(sqlite3.connect(f"{(folder / FILE).as_uri()}?mode=ro", uri=True)) as reader:
        ((count,),) = reader.execute("SELECT count(*) FROM late").fetchall()
    return int(count)


def test_what_waited_for_too_long_is_deleted(tmp_path: Path) -> None:
    """Also if its recipient never comes: now and then, and at the next start."""
    clock = ManualClock()
    with running_server(tmp_path, clock, keep_direct=60.0) as server, House(server) as house:
        registered(house, "eva")
        house.enter("ada").ok("tell", to="eva", text="psst")
    assert waiting(tmp_path) == 1
    clock.advance(61)
    with running_server(tmp_path, clock, keep_direct=60.0):
        eventually(lambda: waiting(tmp_path) == 0)


def test_both_at_once_lose_nothing() -> None:
    """Somebody comes and goes while others send: each message arrives, late or at once."""
    with running_server() as server, House(server) as house:
        eva = house.enter("eva")
        eva.ok("register", password=PASSWORD)
        session, ada = eva.session, house.enter("ada")
        eva.ok("bye")
        heard: list[str] = []
        sent: list[str] = []
        for number in range(40):
            eva = house.connect()
            eva.send({"type": "hello", "version": 1, "nick": "eva", "session": session})
            identity = ada.post("tell", to="eva", text=f"{number}")
            eva.take(lambda frame: frame["type"] == "welcome")
            assert ada.reply(identity)["type"] == "ok"
            sent.append(f"{number}")
            eva.ping()
            eva.ok("bye")
            heard += [each["text"] for each in eva.read_to_end() if each["type"] == "direct"]
        eva = house.enter("eva", session=session)
        eva.ping()
        heard += [each["text"] for each in eva.queue if each["type"] == "direct"]
    assert sorted(heard, key=int) == sent


def _left(talker: Peer, nick: str) -> bool:
    """Tell somebody something; return whether it waits for them."""
    return bool(talker.request("tell", to=nick, text="first").get("kept"))


def test_nobody_waits_while_others_leave_messages() -> None:
    """Neither who comes in, who gets what is being kept as soon as it is; nor another who leaves
    one: they share the commit.
    """
    with running_server() as server, House(server) as house:
        commits = server._parts.people.commits
        eva, zoe = house.enter("eva"), house.enter("zoe")
        talkers = [house.enter(f"ada{number}") for number in range(10)]
        for peer, talker in ((eva, talkers[0]), (zoe, talkers[1])):
            peer.reset()
            eventually(partial(_left, talker, peer.nick))
        before = commits.commits
        with commits.writing():
            asked = [
                talker.post("tell", to=("eva", "zoe")[number % 2], text=f"{number}")
                for number, talker in enumerate(talkers)
            ]
            eventually(lambda: commits._waiting == len(talkers))
            again = house.connect(answers_pings=False)
            again.hello("eva", session=eva.session)
            assert again.expect("direct")["text"] == "first"
        for talker, identity in zip(talkers, asked, strict=True):
            assert talker.reply(identity)["kept"]
        got = {again.expect("direct")["text"] for _ in range(5)}
    assert commits.commits == before + 1
    assert got == {"0", "2", "4", "6", "8"}


def test_what_is_sent_later_is_not_confirmed_by_an_earlier_ping() -> None:
    """Though its number is smaller: it was kept in the same moment, and noted second."""
    with running_server() as server, House(server) as house:
        late = server._parts.late
        eva, ada = house.enter("eva"), house.enter("ada")
        eva.reset()
        eventually(lambda: ada.request("tell", to="eva", text="one").get("kept"))
        ada.ok("tell", to="eva", text="two")
        (waiting,) = late._waiting.values()
        first, second = sorted(waiting)
        one = waiting.pop(first)  # as if it was not noted yet
        deaf = house.connect(answers_pings=False)
        deaf.hello("eva", session=eva.session)
        assert deaf.expect("direct")["text"] == "two"
        waiting[first] = one
        session = server._parts.registry.session_called("eva")
        assert session is not None
        late._send(session)
        assert deaf.expect("direct")["text"] == "one"
        deaf.send({"type": "pong", "re": second + 1})
        eventually(lambda: list(waiting) == [first])
