"""Accounts, from where a client sits: whose a nick is, and what it takes to show it."""

import resource
import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.admin.ask import ask
from chat_server.admin.messages import RemoveAccount
from chat_server.identity import accounts
from chat_server.identity.roles import Role
from chat_server.identity.store.records import Act
from chat_server.runtime.errors import AdminError
from protocol.errors import ProtocolError
from tests.chat_server.house import House
from tests.chat_server.identity.people import CYRILLIC_ADA, PASSWORD, Slow, leave, refused, register
from tests.support.clock import ManualClock
from tests.support.peer import Frame, Peer
from tests.support.proxy import Proxy
from tests.support.servers import ServerProcess, running_server
from tests.support.waiting import eventually

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
    """A secret of another session gives no access to the account."""
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
    """A login is refused. A hello comes in without the account: the nick is free."""
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
    """Whoever is faster, in the end no session has the removed account, in memory or on disk."""
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
    """Otherwise the nick would stay in use for ever, or go to whoever took the session up."""
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


@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit(2)")
def test_a_full_disk_makes_no_account_and_no_owner(tmp_path: Path) -> None:
    """`unavailable`; people with an account can log in. With free space it works again."""
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
