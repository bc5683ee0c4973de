"""The messages that wait: what is pruned, and what a moment decides. See also test_direct.py."""

import sqlite3
from contextlib import closing
from pathlib import Path

from chat_server.identity.store.people_store import FILE
from tests.chat_server.house import House
from tests.chat_server.requests.talk.test_direct import PASSWORD, registered
from tests.support.clock import ManualClock
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
