"""Accounts, from where a client sits: whose a nick is, and what it takes to show it."""

import random
import resource
import sqlite3
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Literal

import pytest
from argon2 import PasswordHasher

from chat_server.admin.ask import ask
from chat_server.admin.messages import RemoveAccount
from chat_server.identity import accounts
from chat_server.identity.records import Act
from chat_server.identity.roles import Role
from chat_server.runtime.errors import AdminError
from protocol.errors import ProtocolError
from protocol.text import nick_key, nick_skeleton
from tests.chat_server.house import House
from tests.support.clock import ManualClock
from tests.support.peer import ConnectionEnded, Frame, Peer
from tests.support.proxy import Proxy
from tests.support.servers import ServerProcess, running_server
from tests.support.waiting import eventually

PASSWORD = "open sesame"
CYRILLIC_ADA = "\u0430d\u0430"


def register(house: House, nick: str, password: str = PASSWORD) -> Peer:
    """Somebody comes in and makes an account."""
    peer = house.enter(nick)
    assert peer.ok("register", password=password)["account"] == nick
    return peer


def leave(peer: Peer) -> None:
    """Go, politely, so that the nick is free."""
    peer.ok("bye")
    peer.expect_end("bye")


def refused(answer: Frame, code: str) -> str:
    """Check that an answer refuses, and return its sentence."""
    assert (answer["type"], answer["code"]) == ("error", code), answer
    text: str = answer["text"]
    return text


# -- register -------------------------------------------------------------------------------------


def test_an_account_is_made_of_the_nick_one_has(house: House) -> None:
    """And one is logged in to it."""
    ada = register(house, "Ada")
    again = house.enter("Ada", session=ada.session)
    assert again.session == ada.session


def test_who_has_no_account_is_a_member_without(house: House) -> None:
    """`welcome` says so."""
    welcome = house.connect().hello("ada")
    assert welcome["role"] == "member"
    assert "account" not in welcome


@pytest.mark.parametrize("password", ["", "1234567", "x" * 201, "12345678\n"])
def test_a_bad_password_makes_no_account(house: House, password: str) -> None:
    """8 to 200 characters; and the nick stays free."""
    ada = house.enter("ada")
    ada.refused("bad_text", "register", password=password)
    leave(ada)
    assert "account" not in house.connect().hello("ada")


def test_a_session_has_one_account(house: House) -> None:
    """Neither the same again, nor another."""
    ada = register(house, "ada")
    assert "ada" in ada.refused("forbidden", "register", password=PASSWORD)["text"]
    ada.ok("nick", nick="eva")
    ada.refused("forbidden", "register", password=PASSWORD)
    leave(ada)
    assert house.connect().hello("eva")["type"] == "welcome"


def test_there_may_be_only_so_many(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are all kept in memory."""
    monkeypatch.setattr(accounts, "ACCOUNTS_LIMIT", 1)
    register(house, "ada")
    house.enter("eva").refused("unavailable", "register", password=PASSWORD)


def test_nobody_makes_hundreds(tmp_path: Path) -> None:
    """From one address a class is let in at once; then they must be further apart."""
    clock = ManualClock()
    with running_server(tmp_path, clock) as server, House(server) as house:
        codes = []
        for number in range(70):
            reply = house.enter(f"n{number}").request("register", password=PASSWORD)
            codes.append(reply.get("code", "ok"))
        assert codes[:60] == ["ok"] * 60
        assert codes[-5:] == ["rate_limited"] * 5
        assert reply["retry_after"] > 0
        clock.advance(reply["retry_after"])
        assert house.enter("later").ok("register", password=PASSWORD)


# -- whose nick it is -----------------------------------------------------------------------------


@pytest.mark.parametrize("nick", ["ada", "ADA", "\uff41da", CYRILLIC_ADA, "\u1d00da"])
@pytest.mark.parametrize("here", [True, False])
def test_an_owned_nick_is_refused_to_everybody_else(house: House, nick: str, here: bool) -> None:
    """At hello and by nick, whether its owner is here or not; however it is spelt."""
    ada, eva = register(house, "ada"), house.enter("eva")
    if not here:
        leave(ada)
    stranger = house.connect()
    refused(stranger.hello(nick), "nick_in_use")
    assert stranger.hello("zoe")["type"] == "welcome"
    eva.refused("nick_in_use", "nick", nick=nick)


def test_the_text_says_what_to_do(house: House) -> None:
    """A person who comes home to a new computer reads it."""
    leave(register(house, "ada"))
    peer = house.connect()
    assert "log in" in refused(peer.hello("ada"), "nick_in_use")
    assert "password" in refused(peer.hello("ada", account_password="wrong one"), "nick_in_use")
    assert "'ada'" in refused(peer.hello(CYRILLIC_ADA), "nick_in_use")


def test_the_password_opens_it_at_hello(house: House) -> None:
    """On the same connection, after a wrong one."""
    leave(register(house, "ada"))
    peer = house.connect()
    refused(peer.hello("ada"), "nick_in_use")
    refused(peer.hello("ada", account_password="x" * 300), "nick_in_use")
    refused(peer.hello("ada", account_password=PASSWORD.upper()), "nick_in_use")
    welcome = peer.hello("ada", account_password=PASSWORD)
    assert (welcome["type"], welcome["account"]) == ("welcome", "ada")


def test_a_password_for_a_nick_that_nobody_owns_is_no_matter(house: House) -> None:
    """A client may say it always; it is not logged in then."""
    welcome = house.connect().hello("ada", account_password=PASSWORD)
    assert welcome["type"] == "welcome"
    assert "account" not in welcome


def test_a_session_stays_logged_in(tmp_path: Path) -> None:
    """Through a lost connection and a restart, and under another nick."""
    with running_server(tmp_path) as server, House(server) as house:
        ada = register(house, "ada")
        again = house.connect()
        assert again.hello("ada", session=ada.session)["account"] == "ada"
        again.ok("nick", nick="lovelace")
    with running_server(tmp_path) as server, House(server) as house:
        peer = house.connect()
        welcome = peer.hello("lovelace", session=ada.session)
        assert (welcome["account"], welcome["session"]) == ("ada", ada.session)
        assert peer.ok("nick", nick="ada")["nick"] == "ada"
        stranger = house.connect()
        refused(stranger.hello("ada"), "nick_in_use")


def test_another_session_is_not_logged_in(house: House) -> None:
    """A valid secret of one's own is none of the account's."""
    leave(register(house, "ada"))
    eva = house.enter("eva")
    peer = house.connect()
    refused(peer.hello("ada", session=eva.session), "nick_in_use")
    welcome = peer.hello("ada", session=eva.session, account_password=PASSWORD)
    assert (welcome["session"], welcome["account"]) == (eva.session, "ada")
    eva.expect_end("replaced")


def test_the_nick_of_an_account_is_kept_for_it(house: House) -> None:
    """Whatever its owner is called meanwhile; and its owner may come back to it."""
    ada = register(house, "ada")
    ada.ok("nick", nick="lovelace")
    refused(house.connect().hello("ada"), "nick_in_use")
    assert ada.ok("nick", nick="ADA")["nick"] == "ADA"


@pytest.mark.parametrize(("one", "other"), [("ada", CYRILLIC_ADA), ("Ian", "lan"), ("bob", "b0b")])
def test_a_look_alike_of_somebody_here_is_refused(house: House, one: str, other: str) -> None:
    """Without any account: it is the commonest prank."""
    first = house.enter(one)
    stranger = house.connect()
    assert one in refused(stranger.hello(other), "nick_in_use")
    assert stranger.hello("zoe")["type"] == "welcome"
    assert one in stranger.refused("nick_in_use", "nick", nick=other)["text"]
    leave(first)
    assert stranger.ok("nick", nick=other)["nick"] == other
    assert refused(house.connect().hello(one), "nick_in_use")


def test_ones_own_look_alike_is_ones_own(house: House) -> None:
    """A nick may be respelt, and the old spelling is free then."""
    ada = house.enter("Ian", "lobby")
    assert ada.ok("nick", nick="lan")["nick"] == "lan"
    assert ada.ok("nick", nick="ian")["nick"] == "ian"
    assert house.connect().hello("lan")["type"] == "welcome"


def test_a_nick_between_two_is_neithers(house: House) -> None:
    """ "IAN" is Ian's by its letters, and looks like lan's: who wants it must be both."""
    ian, lan = house.enter("ian"), house.enter("lan")
    ian.refused("nick_in_use", "nick", nick="IAN")
    lan.refused("nick_in_use", "nick", nick="IAN")
    leave(lan)
    assert ian.ok("nick", nick="IAN")["nick"] == "IAN"


# -- login ----------------------------------------------------------------------------------------


def test_login_gives_the_account_and_its_nick(house: House) -> None:
    """With the rooms: they see a rename."""
    leave(register(house, "Ada"))
    eva = house.enter("eva", "lobby")
    guest = house.enter("guest", "lobby")
    eva.take(lambda frame: "guest" in frame.get("joined", ()))
    reply = guest.ok("login", account="ADA", password=PASSWORD)
    assert (reply["account"], reply["nick"], reply["role"]) == ("Ada", "Ada", "member")
    event = eva.take(lambda frame: bool(frame.get("renamed")))
    assert event["renamed"] == [["guest", "Ada"]]
    guest.say("lobby", "it is me")
    assert eva.messages(1)[0]["from"] == "Ada"
    assert house.connect().hello("guest")["type"] == "welcome"


def test_login_without_a_name_is_of_the_current_nick(house: House) -> None:
    """Who is logged in may do it again."""
    ada = register(house, "ada")
    assert ada.ok("login", password=PASSWORD)["account"] == "ada"
    house.enter("eva").refused("forbidden", "login", password=PASSWORD)


def test_a_wrong_password_and_no_account_are_refused_alike(house: House) -> None:
    """Nobody learns which names there are."""
    leave(register(house, "ada"))
    eva = house.enter("eva")
    wrong = eva.refused("forbidden", "login", account="ada", password="wrong password")
    unknown = eva.refused("forbidden", "login", account="zoe", password="wrong password")
    assert wrong["text"].replace("ada", "zoe") == unknown["text"]
    assert eva.ok("nick", nick="eve")


def test_who_logs_in_twice_has_the_nick_on_the_newer_connection(house: House) -> None:
    """The older one is told, and ended: it may be half dead."""
    old = register(house, "ada")
    new = house.enter("guest")
    new.ok("login", account="ada", password=PASSWORD)
    old.expect_end("replaced")
    newest = house.connect()
    assert newest.hello("ada", account_password=PASSWORD)["account"] == "ada"
    new.expect_end("replaced")
    newest.join("lobby")
    assert newest.page("who", room="lobby")["members"] == ["ada"]


def test_two_sessions_of_one_account_have_two_nicks(house: House) -> None:
    """The nick is not taken from one's other connection unless one logs in anew."""
    laptop = register(house, "ada")
    phone = house.enter("phone")
    phone.ok("login", account="ada", password=PASSWORD)
    laptop.expect_end("replaced")
    back = house.connect()
    refused(back.hello("ada", session=laptop.session), "nick_in_use")
    assert back.hello("laptop", session=laptop.session)["account"] == "ada"
    back.refused("nick_in_use", "nick", nick="ada")
    phone.ping()


def test_another_account_can_be_logged_in_to(house: House) -> None:
    """The last one counts."""
    leave(register(house, "ada"))
    eva = register(house, "eva")
    assert eva.ok("login", account="ada", password=PASSWORD)["nick"] == "ada"
    refused(house.connect().hello("eva"), "nick_in_use")
    eva.refused("nick_in_use", "nick", nick="eva")


# -- guessing -------------------------------------------------------------------------------------


def test_wrong_passwords_are_slowed(tmp_path: Path) -> None:
    """At hello and at login together; the right one, too, until the time is over."""
    clock = ManualClock()
    with running_server(tmp_path, clock) as server, House(server) as house:
        leave(register(house, "ada"))
        eva, stranger = house.enter("eva"), house.connect()
        replies = [
            *(eva.request("login", account="ada", password="x" * 8) for _ in range(4)),
            *(stranger.hello("ada", account_password="x" * 8) for _ in range(4)),
        ]
        assert [reply["code"] for reply in replies] == (
            ["forbidden"] * 4 + ["nick_in_use"] * 2 + ["rate_limited"] * 2
        )
        assert replies[-1]["retry_after"] > 0
        limited = eva.refused("rate_limited", "login", account="ada", password=PASSWORD)
        clock.advance(limited["retry_after"])
        assert eva.ok("login", account="ada", password=PASSWORD)["account"] == "ada"


def test_an_account_that_there_is_not_is_slowed_alike(house: House) -> None:
    """Or it could be told from one that there is."""
    eva = house.enter("eva")
    codes = [eva.request("login", account="zoe", password="x" * 8)["code"] for _ in range(7)]
    assert codes == ["forbidden"] * 6 + ["rate_limited"]


def test_guessing_for_many_accounts_is_slowed_by_address(house: House) -> None:
    """One password for each of a hundred names."""
    eva = house.enter("eva")
    codes = [
        eva.request("login", account=f"n{number}", password="x" * 8)["code"] for number in range(45)
    ]
    assert codes == ["forbidden"] * 41 + ["rate_limited"] * 4


def test_a_right_password_is_no_guess(house: House) -> None:
    """Who logs in twenty times waits for nothing; a whole class does it at once."""
    ada = register(house, "ada")
    for _ in range(20):
        ada.ok("login", password=PASSWORD)


def test_nobody_keeps_the_server_busy_with_a_right_password(tmp_path: Path) -> None:
    """Looking at one takes a tenth of a second: who asks for it all the time gets it seldom."""
    clock = ManualClock()
    with running_server(tmp_path, clock) as server, House(server) as house:
        ada = register(house, "ada")
        replies = [ada.request("login", password=PASSWORD) for _ in range(40)]
        assert [reply.get("code", "ok") for reply in replies] == ["ok"] * 31 + ["rate_limited"] * 9
        looked_at, left = 0, 600.0
        while left > 0:
            reply = ada.request("login", password=PASSWORD)
            looked_at += reply["type"] == "ok"
            left -= reply.get("retry_after", 0.0)
            clock.advance(reply.get("retry_after", 0.0))
        assert looked_at < 130
        eva = register(house, "eva")
        assert eva.ok("login", password=PASSWORD)


def test_many_guesses_at_once_are_counted_each(house: House) -> None:
    """Twenty connections guess at the same moment: six are looked at."""
    leave(register(house, "ada"))
    peers = [house.enter(f"n{number}") for number in range(20)]
    ids = [peer.post("login", account="ada", password="x" * 8) for peer in peers]
    codes = [peer.reply(identity)["code"] for peer, identity in zip(peers, ids, strict=True)]
    assert sorted(codes) == ["forbidden"] * 6 + ["rate_limited"] * 14


def test_what_somebody_types_is_not_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """A wrong password is often nearly the right one, or another account's."""
    caplog.set_level("DEBUG")
    ada = register(house, "ada")
    ada.request("login", password="nearly open sesame")
    ada.request("claim", secret="open sesame too")
    house.connect().hello("ada", account_password="hello sesame")
    assert "wrong password for the account ada" in caplog.text
    assert "sesame" not in caplog.text


# -- at the same time -----------------------------------------------------------------------------


def test_a_nick_is_nobody_elses_while_its_account_is_made(tmp_path: Path) -> None:
    """Though the session has another nick by now, and its connection is another one."""
    hasher = Slow()
    with running_server(tmp_path, hasher=hasher) as server, House(server) as house:
        ada = house.enter("ada")
        ada.post("register", password=PASSWORD)
        hasher.wait_until_entered()
        taker = house.connect()
        assert taker.hello("zoe", session=ada.session)["type"] == "welcome"
        ada.expect_end("replaced")
        thief = house.connect()
        refused(thief.hello("ada"), "nick_in_use")
        refused(thief.hello(CYRILLIC_ADA), "nick_in_use")
        assert thief.hello("eva")["type"] == "welcome"
        thief.refused("nick_in_use", "nick", nick="ada")
        assert taker.ok("nick", nick="ada")
        hasher.go_on.set()
        eventually(lambda: "account" in taker_again(house, ada))
        refused(thief.request("nick", nick="ada"), "nick_in_use")


@pytest.mark.parametrize("kind", ["login", "hello"])
def test_an_account_that_goes_while_its_password_is_looked_at(tmp_path: Path, kind: str) -> None:
    """A login is refused; a hello is let in, as the nick is nobody's; neither has the account."""
    hasher = Slow()
    hasher.go_on.set()
    with running_server(tmp_path, hasher=hasher) as server, House(server) as house:
        leave(register(house, "ada"))
        late = house.enter("guest") if kind == "login" else house.connect()
        hasher.go_on.clear()
        if kind == "login":
            late.post("login", account="ada", password=PASSWORD)
        else:
            late.send({"type": "hello", "version": 1, "nick": "ada", "account_password": PASSWORD})
        hasher.wait_until_entered()
        remove(tmp_path, "ada")
        hasher.go_on.set()
        answer = late.receive()
        if kind == "login":
            assert "any more" in refused(answer, "forbidden")
        else:
            assert (answer["type"], answer["role"]) == ("welcome", "member")
            assert "account" not in answer
        (session,) = server._parts.registry.sessions()
        assert session.account is None


def test_an_account_that_is_being_made_is_none_yet(tmp_path: Path) -> None:
    """It cannot be removed before, and is there after."""
    hasher = Slow()
    with running_server(tmp_path, hasher=hasher) as server, House(server) as house:
        ada = house.enter("ada")
        identity = ada.post("register", password=PASSWORD)
        hasher.wait_until_entered()
        with pytest.raises(AdminError, match="no account 'ada'"):
            remove(tmp_path, "ada")
        hasher.go_on.set()
        assert ada.reply(identity)["account"] == "ada"
        remove(tmp_path, "ada")
        assert ada.ok("register", password="another one")["account"] == "ada"


def test_an_account_goes_while_many_log_in(tmp_path: Path) -> None:
    """Whoever is faster: in the end nobody has an account that there is not, here or kept."""
    with running_server(tmp_path) as server, House(server) as house:
        for turn in range(5):
            name = f"ada{turn}"
            maker = register(house, name)
            peers = [house.enter(f"n{turn}-{number}") for number in range(4)]
            for peer in peers:
                peer.post("login", account=name, password=PASSWORD)
            late = house.connect()
            late.send({"type": "hello", "version": 1, "nick": name, "account_password": PASSWORD})
            remove(tmp_path, name)
            for peer in (*peers, late):
                peer.take(lambda frame: frame["type"] in ("ok", "error", "goodbye", "welcome"))
            assert not [each for each in server._parts.registry.sessions() if each.account]
            for peer in (*peers, late, maker):
                peer.close()
            eventually(lambda: not server._parts.registry.sessions())
            with closing(sqlite3.connect(tmp_path / "people.db")) as people:
                assert people.execute("SELECT * FROM sessions").fetchall() == []


def test_an_account_that_is_gone_gets_no_role(tmp_path: Path) -> None:
    """From an owner who named it a moment before; nor is it there again by that."""
    with running_server(tmp_path) as server, House(server) as house:
        register(house, "ada")
        known = server._parts.accounts
        ada = known.find("ada")
        assert ada
        remove(tmp_path, "ada")
        with pytest.raises(ProtocolError, match="no account 'ada'"):
            known.set_role(ada, Role.MODERATOR, Act(1.0, "olga", "op", "@ada"))
        assert known.find("ada") is None
        assert [act.act for _, act in server._parts.people.acts()] == ["register", "remove-account"]


def remove(data: Path, name: str) -> None:
    """What the operator does."""
    list(ask(data, RemoveAccount(name)))


def taker_again(house: House, ada: Peer) -> Frame:
    """What a session is told that is taken up again."""
    return house.connect().hello("ada", session=ada.session)


@pytest.mark.parametrize("kind", ["login", "hello"])
def test_who_is_gone_before_the_password_is_looked_at_takes_no_nick(
    tmp_path: Path, kind: str
) -> None:
    """It would be nobody's and in use for ever, or put upon whoever took the session up."""
    hasher = Slow()
    hasher.go_on.set()
    with running_server(tmp_path, hasher=hasher) as server, House(server) as house:
        laptop = register(house, "ada")
        laptop.ok("nick", nick="laptop")
        guest = house.enter("guest")
        hasher.go_on.clear()
        old = guest if kind == "login" else house.connect()
        if kind == "login":
            old.post("login", account="ada", password=PASSWORD)
        else:
            old.send({"type": "hello", "version": 1, "nick": "ada", "account_password": PASSWORD})
        hasher.wait_until_entered()
        new = house.enter("guest", "lobby", session=guest.session)
        old.close()
        hasher.go_on.set()
        eventually(lambda: _connections() == 2)
        assert laptop.ok("nick", nick="ada")
        assert new.page("who", room="lobby")["members"] == ["guest"]


def _connections() -> int:
    """How many of the server's threads read from a client."""
    return sum(thread.name.startswith("connection ") for thread in threading.enumerate())


class Slow(PasswordHasher):
    """A real hasher that waits before it hashes, or compares, until it is let go."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self._entered = threading.Event()
        self.go_on = threading.Event()

    def wait_until_entered(self) -> None:
        """Wait until somebody waits here."""
        assert self._entered.wait(10)

    def _pass(self) -> None:
        if not self.go_on.is_set():
            self._entered.set()
            self.go_on.wait(10)

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        """The same, later."""
        self._pass()
        return super().hash(password, salt=salt)

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        """The same, later."""
        self._pass()
        return super().verify(hash, password)


def test_a_class_registers_at_once(house: House) -> None:
    """Thirty, from one address: each has an account, and nobody has somebody else's."""
    peers = [house.enter(f"student{number}") for number in range(30)]
    ids = [peer.post("register", password=f"{PASSWORD} {peer.nick}") for peer in peers]
    for peer, identity in zip(peers, ids, strict=True):
        assert peer.reply(identity)["account"] == peer.nick
    for peer in peers:
        peer.post("bye")
        peer.expect_end("bye")
    for peer in peers:
        again = house.connect()
        password = f"{PASSWORD} {peer.nick}"
        assert again.hello(peer.nick, account_password=password)["account"] == peer.nick


def test_many_logins_of_one_account_leave_one_with_its_nick(house: House) -> None:
    """All at the same time: the others are replaced, and nothing is stuck."""
    leave(register(house, "ada"))
    peers = [house.enter(f"n{number}") for number in range(5)]
    for peer in peers:
        peer.post("login", account="ada", password=PASSWORD)
    for peer in peers:
        peer.take(lambda frame: frame["type"] in ("ok", "goodbye"))
    last = house.connect()
    assert last.hello("ada", account_password=PASSWORD)["type"] == "welcome"
    for peer in peers:
        assert [frame["code"] for frame in peer.read_to_end()[-1:]] in ([], ["replaced"])
    last.ping()


NICKS = ["ada", CYRILLIC_ADA, "Ian", "lan", "IAN", "bob", "b0b", "BOB", "eva", "zoe"]


def test_whatever_happens_at_once_no_two_are_called_alike(house: House) -> None:
    """Six come, go, rename, register, log in and out, and change passwords: nicks stay apart, and
    all are free in the end, or kept for a while.
    """
    watcher = house.enter("watcher", "lobby")
    chances = [random.Random(number) for number in range(6)]
    peers: list[list[Peer]] = [[] for _ in chances]
    for _ in range(10):
        threads = [
            threading.Thread(target=_live, args=(house, *each))
            for each in zip(peers, chances, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # Who was replaced may be on the way out still.
        eventually(lambda: _are_apart(watcher.page("who", room="lobby")["members"]))
    for (peer,) in peers:
        peer.close()
    eventually(lambda: watcher.page("who", room="lobby")["members"] == ["watcher"])
    for nick in NICKS:
        last = house.connect()
        answer = last.hello(nick, account_password=PASSWORD)
        if answer["type"] == "welcome":
            leave(last)
        else:
            reasons = ("account", "connection was lost")
            assert any(reason in answer["text"] for reason in reasons), answer


def _are_apart(nicks: list[str]) -> bool:
    keys, looks = set(map(nick_key, nicks)), set(map(nick_skeleton, nicks))
    return len(keys) == len(looks) == len(nicks)


def _live(house: House, mine: list[Peer], chance: random.Random) -> None:
    """A few acts of one client, by chance; what it is refused does not matter."""
    if not mine or chance.random() < 0.3:
        for last in mine:
            chance.choice([Peer.reset, Peer.close])(last)
        mine.clear()
        mine.append(house.connect())
    with suppress(ConnectionEnded, ConnectionError):
        if not mine[0].nick:
            mine[0].hello(chance.choice(NICKS), account_password=PASSWORD)
        if not mine[0].nick:
            mine[0].hello(f"n{id(mine)}")
        mine[0].join("lobby")
        for _ in range(4):
            nick = chance.choice(NICKS)
            mine[0].request("nick", nick=nick)
            if chance.random() < 0.1:
                mine[0].request("register", password=PASSWORD)
            if chance.random() < 0.1:
                mine[0].request("login", account=nick, password=PASSWORD)
            if chance.random() < 0.2:
                mine[0].request("logout", nick=chance.choice(NICKS))
            if chance.random() < 0.1:
                mine[0].request("password", old=PASSWORD, new=PASSWORD)


# -- kept -----------------------------------------------------------------------------------------


def test_an_account_survives_sigkill(tmp_path: Path) -> None:
    """From the moment of its `ok`."""
    with ServerProcess.serve(tmp_path) as server, House(server.address) as house:
        ada = register(house, "ada")
        server.kill()
        with server.restarted() as again, House(again.address) as other:
            refused(other.connect().hello("ada"), "nick_in_use")
            assert other.connect().hello("ada", session=ada.session)["account"] == "ada"
            peer = other.enter("eva")
            assert peer.ok("login", account="ada", password=PASSWORD)["nick"] == "ada"


def test_the_password_is_nowhere_on_the_disk(tmp_path: Path) -> None:
    """Neither in the database nor in its log."""
    with running_server(tmp_path) as server, House(server) as house:
        register(house, "ada")
        for path in filter(Path.is_file, tmp_path.iterdir()):
            assert PASSWORD.encode() not in path.read_bytes()


def test_a_hash_of_another_cost_is_renewed_at_login(tmp_path: Path) -> None:
    """The next version may want more than this one."""
    with running_server(tmp_path) as server, House(server) as house:
        register(house, "ada")
    dearer = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    with running_server(tmp_path, hasher=dearer) as server, House(server) as house:
        for _ in range(2):
            assert house.connect().hello("ada", account_password=PASSWORD)["account"] == "ada"
    with closing(sqlite3.connect(tmp_path / "people.db")) as people:
        ((password_hash,),) = people.execute("SELECT hash FROM accounts").fetchall()
    assert "m=16,t=2" in password_hash


@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit(2)")
def test_a_full_disk_makes_no_account_and_no_owner(tmp_path: Path) -> None:
    """`unavailable`; whoever has an account can log in; over when it is over."""
    with ServerProcess.serve(tmp_path) as server, House(server.address) as house:
        register(house, "ada").close()
        eva, zoe = house.enter("eva"), house.enter("zoe")
        _, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (1, hard))
        assert eva.refused("unavailable", "register", password=PASSWORD)["retry_after"] > 0
        secret = server.secret
        zoe.refused("unavailable", "claim", secret=secret)
        assert zoe.ok("nick", nick="zoe2")
        late = house.connect()
        assert late.hello("ada", account_password=PASSWORD)["account"] == "ada"
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (hard, hard))
        assert eva.ok("register", password=PASSWORD)["account"] == "eva"
        assert zoe.ok("claim", secret=secret)["role"] == "owner"
        assert "Traceback" not in server.stderr


def test_a_lost_connection_in_the_middle_leaves_nothing_reserved(house: House) -> None:
    """Cut right after the request: the account is made or not, and nothing is stuck."""
    with Proxy(house.address) as proxy:
        ada = house.connect(proxy.address)
        ada.hello("ada")
        ada.post("register", password=PASSWORD)
        proxy.link().reset()
    again = house.connect()
    eventually(lambda: again.hello("ada", session=ada.session)["type"] == "welcome")
    again.skip_ids(1)
    assert again.ok("nick", nick="eva")


def test_a_unix_socket_is_an_address_too(tmp_path: Path) -> None:
    """Over a Unix socket, too, one can log in and is slowed."""
    path = tmp_path / "sock"
    with running_server(tmp_path / "data", unix=path) as server, House(server) as house:
        register(house, "ada")
        eva = house.enter("eva", address=f"unix://{path}")
        replies = [eva.request("login", account="ada", password="x" * 8) for _ in range(7)]
        assert replies[-1]["code"] == "rate_limited"
