"""A lesson in which the server dies at each of its writes, one after the other.

Polls, votes, hands, the floor, edits, deletions and direct messages for somebody who is away: every
request is sent again where the server died before it had answered, and in the end everything is
there once, and whole.
"""

import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from chat_server.identity.store.people_store import FILE
from tests.chat_server.house import House, whole_log
from tests.support.peer import ConnectionEnded, Frame, Peer
from tests.support.servers import ServerProcess

FIRST_ID = 1000
WRITES_LIMIT = 60
"""More than the lesson has."""


class Step(NamedTuple):
    """A request of the lesson.

    Attributes:
        who: makes it.
        frame: the request.
        again: whether it may be sent again. A `tell` may not: nobody knows whether it arrived.
    """

    who: str
    frame: Frame
    again: bool = True


def _step(number: int, who: str, kind: str, *, again: bool = True, **members: Any) -> Step:
    room = {} if kind == "tell" else {"room": "lobby"}
    return Step(who, {"type": kind, "id": FIRST_ID + number, **room, **members}, again)


LESSON = [
    _step(1, "ben", "edit", seq=1, text="tea"),
    _step(2, "ada", "delete", seq=2, reason="not here"),
    _step(3, "ben", "hand", up=True, question="Is it?"),
    _step(4, "ada", "next"),
    _step(5, "ada", "poll", question="Is it?", options=["yes", "no"]),
    _step(6, "ben", "vote", choice=2),
    _step(7, "ben", "vote", choice=1),
    _step(8, "ada", "end_poll"),
    _step(9, "ben", "tell", to="cal", text="psst", again=False),
]


class Before(NamedTuple):
    """What the lesson begins with: a data folder, and the sessions of who is in it."""

    data: Path
    sessions: dict[str, str]


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Before:
    """An owner, a pupil who said two things, and one who is away."""
    data = tmp_path_factory.mktemp("lesson") / "data"
    with ServerProcess.serve(data) as server, House(server.address) as house:
        ada, ben, cal = (house.enter(nick, "lobby") for nick in ("ada", "ben", "cal"))
        ada.ok("claim", secret=server.secret)
        cal.ok("register", password="a long password")
        assert [ben.say("lobby", text) for text in ("tee", "a secret")] == [1, 2]
        sessions = {"ada": ada.session, "ben": ben.session, "cal": cal.session}
        server.terminate()
        server.wait()
    return Before(data, sessions)


class Class:
    """The people of the lesson, who come back when the server has died and was started again."""

    def __init__(self, before: Before, data: Path, order: Path) -> None:
        self._sessions = before.sessions
        self._data = data
        self._order = order
        through = (sys.executable, "-m", "tests.support.dying_server", str(order))
        where = ("--host", "127.0.0.1", "--port", "0", "--no-limits", "--no-attendance")
        self.server = ServerProcess(*where, "--data", data, through=through)
        self.server.wait_until_listening()
        self.house = House(self.server.address)
        self.people: dict[str, Peer] = {}
        self.deaths = 0
        self._enter()

    def do(self, step: Step) -> None:
        """Make a request; once more, if the server died over it."""
        try:
            self._ask(step)
        except (ConnectionEnded, OSError):
            self._come_back()
            if step.again:
                self._ask(step)

    def begin(self, write: int, moment: str) -> None:
        """Have the server die at a write from now on."""
        whole = self._order.with_suffix(".new")
        whole.write_text(f"{write} {moment}")
        whole.rename(self._order)

    def finish(self) -> None:
        """Let the server live, whatever it writes."""
        self._order.unlink()

    def close(self) -> None:
        """End all."""
        self._leave()
        self.server.close()

    def _ask(self, step: Step) -> None:
        peer = self.people[step.who]
        peer.send(step.frame)
        reply = peer.reply(step.frame["id"])
        assert reply["type"] == "ok", (step, reply)

    def _come_back(self) -> None:
        self.deaths += 1
        self._leave()
        assert self.server.wait() < 0
        self.server.close()
        self.server = ServerProcess.serve(self._data, "--no-attendance")
        self.house = House(self.server.address)
        self._enter()

    def _enter(self) -> None:
        for nick in ("ada", "ben"):
            peer = self.house.enter(nick, "lobby", session=self._sessions[nick])
            peer.go_on_above(FIRST_ID + 1000)
            self.people[nick] = peer

    def _leave(self) -> None:
        for peer in self.people.values():
            peer.close()
        self.people.clear()


@contextmanager
def lesson(before: Before, data: Path, write: int, moment: str) -> Iterator[Class]:
    """Begin the lesson with a server that dies at a write."""
    shutil.copytree(before.data, data)
    order = data.with_name(f"{data.name}-order")
    people = Class(before, data, order)
    people.begin(write, moment)
    try:
        yield people
    finally:
        people.close()


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("moment", ["before", "behind"])
def test_nothing_is_half_whichever_write_the_server_dies_at(
    before: Before, tmp_path: Path, moment: str
) -> None:
    """Until the lesson is over before the server has made so many writes."""
    for write in range(1, WRITES_LIMIT):
        data = tmp_path / f"{write}"
        with lesson(before, data, write, moment) as people:
            for step in LESSON:
                people.do(step)
            people.finish()
            died = people.deaths
            _check(people, f"at write {write}, {moment} it")
            _check_late(people, before, died)
        _check_audit(data)
        if not died:
            assert write > len(LESSON)
            return
    raise AssertionError(f"the lesson has {WRITES_LIMIT} writes or more")


def _check(people: Class, when: str) -> None:
    """Everybody sees each thing once, in the order in which it was done."""
    for nick in ("ada", "ben"):
        peer = people.people[nick]
        log = whole_log(peer, "lobby")
        shown = [(each["kind"], each["text"].partition("\n")[0]) for each in log]
        assert shown[:5] == [
            ("text", "tea"),
            ("text", "(deleted)"),
            ("edit", "tea"),
            ("delete", "deleted message 2: not here"),
            ("notice", "ben has the floor: Is it?"),
        ], (when, shown)
        assert [kind for kind, _ in shown[5:]] == ["poll", "poll"], (when, shown)
        asked, result = (each["poll"] for each in log[5:])
        assert ("counts" in asked, result["counts"]) == (False, [1, 0]), (when, log)
        assert [each["seq"] for each in log] == list(range(1, 8)), when
        assert peer.page("search", room="lobby", query="secret")["messages"] == [], when
    (hand,) = people.people["ada"].page("hands", room="lobby")["queue"]
    assert (hand["nick"], hand["question"], hand["floor"]) == ("ben", "Is it?", True), when
    people.people["ada"].refused("forbidden", "end_poll", room="lobby")


def _check_late(people: Class, before: Before, died: int) -> None:
    """What was told to who is away comes once; where nobody knows whether it arrived, at most."""
    cal = people.house.enter("cal", session=before.sessions["cal"])
    cal.ping()
    cal.close()
    late = [frame["text"] for frame in cal.queue if frame["type"] == "direct"]
    assert late == ["psst"] or (died and late == [])


def _check_audit(data: Path) -> None:
    """Each act has one line, and no vote is kept."""
    with closing(sqlite3.connect(data / FILE)) as people:
        acts = [act for (act,) in people.execute("SELECT act FROM audit ORDER BY number")]
        (votes,) = people.execute("SELECT count(*) FROM votes").fetchone()
    acts = [act for act in acts if act not in ("claim", "register")]
    assert acts == ["edit", "delete", "next", "poll", "end_poll"]
    assert votes == 0
