"""Passwords and the owner's secret: whom they let in, and how guessing is slowed."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from chat_server.identity import owner_secret
from tests.chat_server.house import House
from tests.chat_server.identity.people import PASSWORD, leave, register, role_of, secret_of
from tests.support.clock import ManualClock
from tests.support.peer import Peer
from tests.support.servers import ServerProcess, running_server


def test_a_wrong_password_and_no_account_are_refused_alike(house: House) -> None:
    """Nobody learns which names there are."""
    leave(register(house, "ada"))
    eva = house.enter("eva")
    wrong = eva.refused("forbidden", "login", account="ada", password="wrong password")
    unknown = eva.refused("forbidden", "login", account="zoe", password="wrong password")
    assert wrong["text"].replace("ada", "zoe") == unknown["text"]
    assert eva.ok("nick", nick="eve")


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


def test_the_secret_makes_an_owner(house: House, owner: Peer) -> None:
    """Of the session, if there is no account; anybody else is a member still."""
    assert role_of(house, owner) == "owner"
    assert house.connect().hello("eva")["role"] == "member"


def test_who_claims_is_told_as_everybody_is(house: House, owner: Peer) -> None:
    """With the event `role`; the secret is good for a second owner, and for nothing new again."""
    assert house.server
    assert owner.expect("role") == {"type": "role", "role": "owner", "by": "olga"}
    eva = house.enter("eva")
    assert eva.ok("claim", secret=secret_of(house.server))["role"] == "owner"
    assert eva.expect("role")["role"] == "owner"
    assert eva.ok("claim", secret=secret_of(house.server))["role"] == "owner"
    eva.ping()
    assert not [frame for frame in eva.queue if frame["type"] == "role"]


def test_the_secret_may_be_typed_as_it_is_heard(house: House) -> None:
    """Case and dashes are for the reader."""
    assert house.server
    secret = secret_of(house.server)
    spoken = " " + secret.replace("-", " ").upper()
    assert house.enter("olga").ok("claim", secret=spoken)["role"] == "owner"


@pytest.mark.parametrize("secret", ["", "-", "x" * 20, "x" * 60_000, "\ud83e\udd8a"])
def test_another_secret_makes_none(house: House, secret: str) -> None:
    """It is `forbidden`, and not fatal."""
    eva = house.enter("eva")
    eva.refused("forbidden", "claim", secret=secret)
    assert role_of(house, eva) == "member"


def test_guessing_the_secret_is_slowed(tmp_path: Path) -> None:
    """By address: a new connection is no way out."""
    clock = ManualClock()
    with running_server(tmp_path, clock) as server, House(server) as house:
        codes = [
            house.enter(f"n{number}").request("claim", secret=f"{number}")["code"]
            for number in range(44)
        ]
        assert codes == ["forbidden"] * 41 + ["rate_limited"] * 3
        eva = house.enter("eva")
        wait = eva.refused("rate_limited", "claim", secret=secret_of(server))["retry_after"]
        clock.advance(wait)
        assert eva.ok("claim", secret=secret_of(server))["role"] == "owner"


def test_the_secret_is_made_once(tmp_path: Path) -> None:
    """It is good after a restart, but no start shows it again; one private file alone has it."""
    with running_server(tmp_path) as server, House(server) as house:
        secret = secret_of(server)
        assert len(set(secret.replace("-", ""))) > 5
        assert stat.S_IMODE((tmp_path / owner_secret.FILE).stat().st_mode) == 0o600
        for path in filter(Path.is_file, tmp_path.iterdir()):
            if path.name == owner_secret.FILE:
                continue
            assert secret.encode() not in path.read_bytes()
            assert secret.replace("-", "").encode() not in path.read_bytes()
        server.note_secret_shown()
    with running_server(tmp_path) as server, House(server) as house:
        assert server.owner_secret is None
        assert house.enter("olga").ok("claim", secret=secret)["role"] == "owner"


def test_a_secret_that_nobody_saw_is_replaced(tmp_path: Path) -> None:
    """The server was killed before it had shown it, say. Who used it has seen it."""
    with running_server(tmp_path) as server:
        first = secret_of(server)
    with running_server(tmp_path) as server, House(server) as house:
        second = secret_of(server)
        house.enter("eva").refused("forbidden", "claim", secret=first)
        house.enter("olga").ok("claim", secret=second)
    with running_server(tmp_path) as server:
        assert server.owner_secret is None


def test_the_program_shows_it_at_its_first_start_alone(tmp_path: Path) -> None:
    """Below the invitation on stdout, not in the log. Owners stay owners after a kill."""
    with ServerProcess.serve(tmp_path) as server, House(server.address) as house:
        secret = server.secret
        line = server.stdout.strip().splitlines()[-1]
        assert line == f"to be in charge, type:  /claim {secret}"
        olga = house.enter("olga")
        assert olga.ok("claim", secret=secret)["role"] == "owner"
        server.kill()
        assert secret not in server.stderr
        with server.restarted() as again, House(again.address) as other:
            assert "/claim" not in again.stdout
            assert other.connect().hello("olga", session=olga.session)["role"] == "owner"
            assert other.connect().hello("eva")["role"] == "member"
