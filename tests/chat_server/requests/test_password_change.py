"""Another password for an account: who may give it one, and who is out then."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

import pytest
from argon2 import PasswordHasher

from chat_server.admin.ask import ask
from chat_server.admin.messages import RemoveAccount
from chat_server.identity.store.records import Membership
from tests.chat_server.house import House
from tests.chat_server.identity.people import PASSWORD, leave, refused, register
from tests.support.clock import ManualClock
from tests.support.peer import Frame, Peer
from tests.support.proxy import Proxy
from tests.support.servers import ServerProcess, running_server
from tests.support.waiting import eventually

NEW = "close sesame"


def change(peer: Peer, old: str = PASSWORD, new: str = NEW) -> Frame:
    """Give the account another password, which must be done."""
    return peer.ok("password", old=old, new=new)


def devices(house: House, *nicks: str) -> list[Peer]:
    """Make the account ada, and log in to it from as many places."""
    found = []
    for number, nick in enumerate(nicks):
        peer = house.enter(f"guest{number}" if number else "ada")
        if number:
            peer.ok("login", account="ada", password=PASSWORD)
        else:
            peer.ok("register", password=PASSWORD)
        peer.ok("nick", nick=nick)
        found.append(peer)
    return found


def lets_in(house: House, nick: str, password: str) -> bool:
    """Whether a password opens an account at hello."""
    peer = house.connect()
    answer = peer.hello(nick, account_password=password)
    if answer["type"] == "error":
        refused(answer, "nick_in_use")
        return False
    assert answer["account"] == nick
    leave(peer)
    return True


# -- who may --------------------------------------------------------------------------------------


def test_the_new_one_opens_the_account_and_the_old_one_no_longer(house: House) -> None:
    """At hello and at login; who changed it stays as they are."""
    ada = register(house, "ada")
    assert set(change(ada)) == {"type", "re"}
    ada.ok("login", password=NEW)
    ada.refused("forbidden", "login", password=PASSWORD)
    leave(ada)
    assert not lets_in(house, "ada", PASSWORD)
    assert lets_in(house, "ada", NEW)


def test_who_has_no_account_has_no_password(house: House) -> None:
    """Neither before, nor when the account is gone."""
    eva = house.enter("eva")
    assert "no account" in eva.refused("forbidden", "password", old=PASSWORD, new=NEW)["text"]
    eva.ok("register", password=PASSWORD)
    assert house.server
    list(ask(house.server.settings.data, RemoveAccount("eva")))
    eva.refused("forbidden", "password", old=PASSWORD, new=NEW)


def test_a_wrong_one_is_refused_as_at_login(house: House) -> None:
    """In the same way, and nothing has changed."""
    ada = register(house, "ada")
    wrong = ada.refused("forbidden", "password", old="wrong one", new=NEW)
    login = ada.refused("forbidden", "login", password="wrong one")
    assert wrong.keys() == login.keys()
    assert "old password" in wrong["text"]
    ada.refused("forbidden", "password", old="x" * 300, new=NEW)
    assert lets_in(house, "ada", PASSWORD)


@pytest.mark.parametrize("new", ["", "1234567", "x" * 201, "12345678\n"])
def test_a_bad_new_one_is_none(house: House, new: str) -> None:
    """8 to 200 characters; and it is no guess either."""
    ada = register(house, "ada")
    for _ in range(10):
        ada.refused("bad_text", "password", old="wrong one", new=new)
    change(ada)


def test_guessing_is_slowed_together_with_logins(tmp_path: Path) -> None:
    """By account, wherever it is tried; the right one has to wait as well."""
    clock = ManualClock()
    with running_server(tmp_path, clock) as server, House(server) as house:
        ada, eva = register(house, "ada"), house.enter("eva")
        eva.refused("forbidden", "login", account="ada", password="wrong one")
        replies = [ada.request("password", old="wrong one", new=NEW) for _ in range(4)]
        assert replies[0]["code"] == "forbidden"
        assert replies[-1]["code"] == "rate_limited"
        eva.refused("rate_limited", "login", account="ada", password=PASSWORD)
        wait = ada.refused("rate_limited", "password", old=PASSWORD, new=NEW)["retry_after"]
        clock.advance(wait)
        change(ada)


def test_it_is_told_to_nobody(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Neither is in the log, nor in what the data folder holds; that it was changed is."""
    caplog.set_level("DEBUG")
    ada = register(house, "ada")
    ada.ok("nick", nick="countess")
    change(ada)
    ada.request("password", old="nearly open sesame", new="any other sesame")
    assert "audit: countess password @ada" in caplog.text
    assert "sesame" not in caplog.text
    assert house.server
    for path in filter(Path.is_file, house.server.settings.data.iterdir()):
        assert b"sesame" not in path.read_bytes()


# -- who is out -----------------------------------------------------------------------------------


def test_everybody_else_who_is_logged_in_is_out(house: House) -> None:
    """Their connections end, and their sessions are nobody's in particular from then on."""
    ada, thief, away = devices(house, "laptop", "thief", "away")
    leave(away)
    eva = house.enter("eva", "lobby")
    thief.join("lobby")
    eva.take(lambda frame: "thief" in frame.get("joined", ()))
    change(ada)
    assert "password" in thief.expect_end("replaced")[-1]["text"]
    eva.take(lambda frame: frame.get("left") == ["thief"])
    for gone in (thief, away):
        back = house.connect()
        refused(back.hello("ada", session=gone.session), "nick_in_use")
        welcome = back.hello("guest", session=gone.session)
        assert (welcome["session"], welcome["role"]) == (gone.session, "member")
        assert "account" not in welcome
        leave(back)
    assert ada.ok("nick", nick="ada")


def test_the_nick_of_who_is_out_is_free_at_once(house: House) -> None:
    """Though the thief has it, and does not read that it is over."""
    ada, thief = devices(house, "laptop", "ada")
    change(ada)
    assert ada.ok("nick", nick="ada")["nick"] == "ada"
    thief.expect_end("replaced")


def test_a_role_does_not_stay_with_who_is_out(tmp_path: Path) -> None:
    """Nor one that the session had of its own, now or after a restart."""
    with running_server(tmp_path) as server, House(server) as house:
        olga = house.enter("olga")
        olga.ok("claim", secret=server.owner_secret)
        ada, thief = devices(house, "laptop", "thief")
        for who in ("@ada", "thief"):
            olga.ok("op", who=who)
        change(ada)
        thief.expect_end("replaced")
        assert house.connect().hello("guest", session=thief.session)["role"] == "member"
        assert house.connect().hello("ada", session=ada.session)["role"] == "moderator"
    with running_server(tmp_path) as server, House(server) as house:
        back = house.connect().hello("guest", session=thief.session)
        assert (back["role"], back.get("account")) == ("member", None)
        assert house.connect().hello("ada", session=ada.session)["account"] == "ada"


def test_who_is_out_by_a_change_is_still_known_to_be_banned(house: House) -> None:
    """By the nick that they had, and the session that they have."""
    assert house.server
    olga = house.enter("olga")
    olga.ok("claim", secret=house.server.owner_secret)
    ada, thief = devices(house, "laptop", "thief")
    change(ada)
    thief.expect_end("replaced")
    olga.ok("ban", who="thief")
    back = house.connect()
    back.send({"type": "hello", "version": 1, "nick": "other", "session": thief.session})
    back.expect_fatal("banned")


# -- at the same time -----------------------------------------------------------------------------


class Held(PasswordHasher):
    """A real hasher that holds one password back, of which it is told what is done with it."""

    def __init__(self, time_cost: int = 1) -> None:
        super().__init__(time_cost=time_cost, memory_cost=8, parallelism=1)
        self._lock = threading.Lock()  # guards the next
        self._next = ""
        self._entered = threading.Event()
        self._go_on = threading.Event()

    @contextmanager
    def holding(self, what: Literal["hash", "verify"]) -> Iterator[threading.Event]:
        """Hold the next one back until the end. Yields what is set when it is there."""
        self._next = what
        try:
            yield self._entered
        finally:
            self._go_on.set()

    def _pass(self, what: str) -> None:
        with self._lock:
            if what != self._next:
                return
            self._next = ""
        self._entered.set()
        self._go_on.wait(10)

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        """The same, later perhaps."""
        self._pass("hash")
        return super().hash(password, salt=salt)

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        """The same, and then perhaps later."""
        right = super().verify(hash, password)
        self._pass("verify")
        return right


@contextmanager
def two_ways(tmp_path: Path, hasher: PasswordHasher) -> Iterator[tuple[House, str]]:
    """A house with a second address, whose passwords wait for none of the first one's."""
    path = tmp_path / "sock"
    with (
        running_server(tmp_path / "data", hasher=hasher, unix=path) as server,
        House(server) as house,
    ):
        yield house, f"unix://{path}"


@pytest.mark.parametrize("kind", ["login", "hello", "session"])
def test_who_shows_the_old_one_at_that_moment_is_not_in(tmp_path: Path, kind: str) -> None:
    """It is looked at before the change, and compared after it; nor is it kept that they were."""
    hasher = Held()
    with two_ways(tmp_path, hasher) as (house, elsewhere):
        assert house.server
        ada = house.enter("ada", address=elsewhere)
        ada.ok("register", password=PASSWORD)
        ada.ok("nick", nick="laptop")
        thief = house.enter("thief")
        late = thief if kind == "login" else house.connect()
        with hasher.holding("verify") as entered:
            if kind == "login":
                late.post("login", account="ada", password=PASSWORD)
            else:
                members = {"session": thief.session} if kind == "session" else {}
                hello = {"type": "hello", "version": 1, "nick": "ada", **members}
                late.send({**hello, "account_password": PASSWORD})
            assert entered.wait(10)
            change(ada)
        code = "forbidden" if kind == "login" else "nick_in_use"
        refused(late.take(lambda frame: frame["type"] in ("ok", "error", "welcome")), code)
        assert logged_in(tmp_path / "data") == 1
        known = house.server._parts.registry.sessions()
        assert [each.nick for each in known if each.account is not None] == ["laptop"]


def test_of_two_at_once_one_is_done(tmp_path: Path) -> None:
    """The other one is out, and whose password it is now is told by the `ok`."""
    with running_server(tmp_path) as server, House(server) as house:
        for number in range(5):
            known = [f"password {number}", *(f"password {number} {n}" for n in (0, 1))]
            maker = register(house, f"ada{number}", known[0])
            maker.ok("nick", nick=f"maker{number}")
            other = house.enter(f"other{number}")
            other.ok("login", account=f"ada{number}", password=known[0])
            peers = [maker, other]
            for peer, new in zip(peers, known[1:], strict=True):
                peer.post("password", old=known[0], new=new)
            done = [
                peer.take(lambda frame: frame["type"] in ("ok", "error", "goodbye"))["type"]
                for peer in peers
            ]
            assert done.count("ok") == 1
            right = [lets_in(house, f"ada{number}", password) for password in known]
            assert right == [False, *(each == "ok" for each in done)]
            for peer in peers:
                peer.close()
            eventually(lambda: not server._parts.registry.sessions())


def test_what_was_overtaken_is_not_done(tmp_path: Path) -> None:
    """Somebody else has changed it by then: it is theirs, and who was late is out."""
    hasher = Held()
    with two_ways(tmp_path, hasher) as (house, elsewhere):
        ada, thief = devices(house, "laptop", "thief")
        laptop = house.enter("laptop", address=elsewhere, session=ada.session)
        laptop.skip_ids(100)
        with hasher.holding("hash") as entered:
            thief.post("password", old=PASSWORD, new="stolen sesame")
            assert entered.wait(10)
            change(laptop)
            thief.expect_end("replaced")
        eventually(lambda: lets_in(house, "ada", NEW))
        assert not lets_in(house, "ada", "stolen sesame")


def test_a_login_is_not_kept_that_was_ended_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the moment when it holds and the moment when it is written down."""
    with running_server(tmp_path) as server, House(server) as house:
        ada = register(house, "ada")
        ada.ok("nick", nick="laptop")
        keep, done = server._parts.store.sessions.keep, threading.Event()

        def late(new: Sequence[bytes], resumed: Sequence[int], now: float) -> list[int]:
            change(ada)
            done.set()
            return keep(new, resumed, now)

        thief = house.connect()
        monkeypatch.setattr(server._parts.store.sessions, "keep", late)
        thief.send({"type": "hello", "version": 1, "nick": "ada", "account_password": PASSWORD})
        thief.expect_end("replaced")
        assert done.wait(10)
        monkeypatch.undo()
        thief.close()
        eventually(lambda: len(server._crowd.connections()) == 1)
        assert logged_in(tmp_path) == 1


def test_a_session_is_not_taken_up_as_it_was_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the moment when it is read and the moment when it is known to be here."""
    with running_server(tmp_path) as server, House(server) as house:
        ada, thief = devices(house, "laptop", "thief")
    with running_server(tmp_path) as server, House(server) as house:
        laptop, back = house.enter("laptop", session=ada.session), house.connect()
        membership, done = server._parts.people.membership, threading.Event()

        def change_and_tell() -> None:
            change(laptop)
            done.set()

        def late(token: bytes) -> Membership | None:
            found = membership(token)
            threading.Thread(target=change_and_tell).start()
            done.wait(0.3)  # it waits for us, or else is done by then
            return found

        monkeypatch.setattr(server._parts.people, "membership", late)
        back.send({"type": "hello", "version": 1, "nick": "guest", "session": thief.session})
        assert done.wait(10)
        monkeypatch.undo()
        back.take(lambda frame: frame["type"] in ("welcome", "goodbye"))
        assert logged_in(tmp_path) == 1
        known = server._parts.registry.sessions()
        assert [each.nick for each in known if each.account is not None] == ["laptop"]


def test_it_changes_while_many_log_in_with_the_old_one(tmp_path: Path) -> None:
    """Whoever is faster: in the end nobody but who changed it is logged in, here or kept."""
    with running_server(tmp_path) as server, House(server) as house:
        ada = register(house, "ada", "password 0")
        ada.ok("nick", nick="laptop")
        for number in range(2):
            old, new = f"password {number}", f"password {number + 1}"
            peers = [house.enter(f"n{number}-{n}") for n in range(4)]
            for peer in peers:
                peer.post("login", account="ada", password=old)
            late = house.connect()
            hello = {"type": "hello", "version": 1, "nick": "ada", "account_password": old}
            late.send(hello)
            change(ada, old, new)
            for peer in (*peers, late):
                peer.take(lambda frame: frame["type"] in ("ok", "error", "goodbye", "welcome"))
            known = server._parts.registry.sessions()
            assert [each.nick for each in known if each.account is not None] == ["laptop"]
            assert logged_in(tmp_path) == 1
            for peer in (*peers, late):
                peer.close()
            eventually(lambda: len(server._parts.registry.sessions()) == 1)


def test_a_dearer_hash_does_not_bring_the_old_one_back(tmp_path: Path) -> None:
    """Of a login that was right just before, and is hashed anew just after."""
    data = tmp_path / "data"
    with running_server(data) as server, House(server) as house:
        ada = register(house, "ada")
    hasher = Held(time_cost=2)
    with two_ways(tmp_path, hasher) as (house, elsewhere):
        laptop = house.enter("laptop", address=elsewhere, session=ada.session)
        eva = house.enter("eva")
        with hasher.holding("hash") as entered:
            identity = eva.post("login", account="ada", password=PASSWORD)
            assert entered.wait(10)
            change(laptop)
        assert eva.reply(identity)["type"] == "error"
        assert not lets_in(house, "ada", PASSWORD)
    with running_server(data) as server, House(server) as house:
        assert lets_in(house, "ada", NEW)


def logged_in(data: Path) -> int:
    """How many sessions are kept as logged in."""
    with closing(sqlite3.connect(data / "people.db")) as people:
        ((count,),) = people.execute("SELECT count(*) FROM sessions WHERE account IS NOT NULL")
    return int(count)


# -- kept -----------------------------------------------------------------------------------------


@pytest.mark.long
def test_it_survives_sigkill(tmp_path: Path) -> None:
    """From the moment of its `ok`; and whoever is out stays out."""
    with ServerProcess.serve(tmp_path) as server, House(server.address) as house:
        ada, thief = devices(house, "laptop", "thief")
        change(ada)
        server.kill()
        with server.restarted() as again, House(again.address) as other:
            assert not lets_in(other, "ada", PASSWORD)
            assert "account" not in other.connect().hello("guest", session=thief.session)
            assert other.connect().hello("laptop", session=ada.session)["account"] == "ada"
            assert lets_in(other, "ada", NEW)


def test_asked_again_it_is_done_once(house: House) -> None:
    """The answer was lost with the connection: the same request finds it changed, and says ok."""
    with Proxy(house.address) as proxy:
        ada = house.connect(proxy.address)
        ada.hello("ada")
        ada.ok("register", password=PASSWORD)
        ada.post("password", old=PASSWORD, new=NEW)
        proxy.link().reset()
    again = house.connect()
    eventually(lambda: again.hello("ada", session=ada.session)["type"] == "welcome")
    again.skip_ids(1)
    change(again)
    assert lets_in(house, "ada", NEW)


def test_a_cheaper_hash_is_no_password(tmp_path: Path) -> None:
    """What is kept has today's cost."""
    dear = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    with running_server(tmp_path, hasher=dear) as server, House(server) as house:
        change(register(house, "ada"))
    with closing(sqlite3.connect(tmp_path / "people.db")) as people:
        ((password_hash,),) = people.execute("SELECT hash FROM accounts").fetchall()
    assert "m=16,t=2" in password_hash
