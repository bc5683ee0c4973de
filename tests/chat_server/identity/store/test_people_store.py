"""What is kept of people: on a real file, after a restart, on a full disk, in a damaged file."""

import logging
import resource
import sqlite3
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from chat_server.identity.roles import Role
from chat_server.identity.store.people_store import FORMAT, PeopleStore
from chat_server.identity.store.records import (
    Account,
    Act,
    Asked,
    Membership,
    Sanction,
    StoredPolicy,
)
from chat_server.runtime.errors import StartError, StoreError

ADA = Account(0, "Ada", "ada", "$argon2id$x", Role.MODERATOR)
TOKEN = b"t" * 32
REGISTER = Act(1000.0, "Ada", "register", "Ada")
BAN = Sanction(0, "ban", "eva", "eva", 3, TOKEN, "10.0.0.0/8", 2000.0, "too loud", "ada", 1000.0)
FOREVER = Sanction(0, "mute", "@zoe", None, 7, None, None, None, "", "ada", 1001.0)
FROZEN = StoredPolicy("lobby", 5.0, True, True, 3000.0, "ada", ("eva", "zo\u00eb"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PeopleStore]:
    """A new one."""
    with closing(PeopleStore(tmp_path)) as opened:
        yield opened


def fill(store: PeopleStore) -> int:
    """Keep something of everything. Return Ada's number."""
    number = store.add_account(ADA, TOKEN, REGISTER)
    store.add_sanction(BAN, Act(1000.0, "ada", "ban", "eva", 2000.0, "too loud"))
    store.add_sanction(FOREVER, Act(1001.0, "ada", "mute", "@zoe"))
    store.put_policy(FROZEN, Act(1002.0, "ada", "freeze", "lobby", 3000.0))
    store.put_secret("owner", b"h" * 32)
    store.set_session_role(b"o" * 32, Role.OWNER, Act(1003.0, "eva", "claim"))
    store.note(Act(1004.0, "ada", "kick", "eva", None, "out"))
    return number


def everything(store: PeopleStore) -> list[object]:
    """All that can be asked of it."""
    return [
        store.accounts(),
        store.membership(TOKEN),
        store.membership(b"o" * 32),
        store.sanctions(),
        store.policies(),
        store.secret("owner"),
        store.acts(),
    ]


def test_a_new_store_knows_nobody(store: PeopleStore) -> None:
    """And says so, rather than fail."""
    assert everything(store) == [[], None, None, [], [], None, []]


def test_what_is_kept_comes_back(store: PeopleStore) -> None:
    """As it was, with its number."""
    number = fill(store)
    assert everything(store) == [
        [ADA._replace(number=number)],
        Membership(number, Role.MEMBER),
        Membership(None, Role.OWNER),
        [BAN._replace(number=1), FOREVER._replace(number=2)],
        [FROZEN],
        b"h" * 32,
        [
            (1, REGISTER),
            (2, Act(1000.0, "ada", "ban", "eva", 2000.0, "too loud")),
            (3, Act(1001.0, "ada", "mute", "@zoe")),
            (4, Act(1002.0, "ada", "freeze", "lobby", 3000.0)),
            (5, Act(1003.0, "eva", "claim")),
            (6, Act(1004.0, "ada", "kick", "eva", None, "out")),
        ],
    ]


def test_it_is_there_after_a_restart(tmp_path: Path) -> None:
    """All of it."""
    with closing(PeopleStore(tmp_path)) as store:
        fill(store)
        before = everything(store)
    with closing(PeopleStore(tmp_path)) as store:
        assert everything(store) == before


def test_it_is_for_the_owner_alone(tmp_path: Path) -> None:
    """The log beside it too, while it is open."""
    tmp_path.chmod(0o755)
    with closing(PeopleStore(tmp_path)) as store:
        fill(store)
        for path in tmp_path.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_nick_is_one_account(store: PeopleStore) -> None:
    """Whatever the caller has overlooked; and nothing is written of the second."""
    store.add_account(ADA, TOKEN, REGISTER)
    with pytest.raises(StoreError):
        store.add_account(ADA._replace(name="ADA"), b"u" * 32, REGISTER)
    assert len(store.accounts()) == len(store.acts()) == 1
    assert store.membership(b"u" * 32) is None


def test_a_role_can_change(store: PeopleStore) -> None:
    """An account's, and a session's own, which stays when it logs in."""
    number = store.add_account(ADA, TOKEN, REGISTER)
    store.set_account_role(number, Role.OWNER, Act(1.0, "eva", "op", "@Ada"))
    store.set_account_hash(number, "$argon2id$y")
    assert store.accounts() == [Account(number, "Ada", "ada", "$argon2id$y", Role.OWNER)]
    store.set_session_role(b"u", Role.MODERATOR, Act(2.0, "eva", "op", "zoe"))
    store.log_in(b"u", number, 3.0)
    assert store.membership(b"u") == Membership(number, Role.MODERATOR)
    store.set_session_role(b"u", Role.MEMBER, Act(4.0, "eva", "deop", "zoe"))
    assert store.membership(b"u") == Membership(number, Role.MEMBER)


def test_an_account_goes_with_all_that_is_its_alone(store: PeopleStore) -> None:
    """Its sessions and the bans of it; what means a nick as well stays, and so does its number."""
    other = store.add_account(ADA._replace(name="Eva", key="eva"), b"e", REGISTER)
    number = store.add_account(ADA, TOKEN, REGISTER)
    store.set_session_role(TOKEN, Role.OWNER, Act(1.0, "zoe", "claim"))
    store.add_sanction(FOREVER._replace(account=number), REGISTER)
    for kept in (FOREVER._replace(account=other), BAN._replace(account=number)):
        store.add_sanction(kept, REGISTER)
    store.remove_account(number, Act(2.0, "the operator", "remove-account", "@Ada"))
    assert [account.name for account in store.accounts()] == ["Eva"]
    assert store.membership(TOKEN) is None
    assert store.membership(b"e") == Membership(other, Role.MEMBER)
    assert [each.account for each in store.sanctions()] == [other, number]
    assert store.acts()[-1][1].act == "remove-account"
    assert store.add_account(ADA, TOKEN, REGISTER) > number


def test_with_another_password_one_session_stays(store: PeopleStore) -> None:
    """The account's other sessions lose their own roles, too, and the audit log says so."""
    other = store.add_account(ADA._replace(name="Eva", key="eva"), b"e", REGISTER)
    number = store.add_account(ADA, TOKEN, REGISTER)
    store.set_session_role(b"u", Role.OWNER, Act(1.0, "zoe", "claim"))
    store.log_in(b"u", number, 3.0)
    act = Act(4.0, "Ada", "password", "@Ada")
    store.change_password(number, "$argon2id$y", TOKEN, act)
    assert [account.hash for account in store.accounts()] == ["$argon2id$x", "$argon2id$y"]
    assert store.membership(TOKEN) == Membership(number, Role.MEMBER)
    assert store.membership(b"e") == Membership(other, Role.MEMBER)
    assert store.membership(b"u") is None
    assert store.acts()[-1][1] == act


def test_who_logs_out_leaves_nothing_of_the_session(store: PeopleStore) -> None:
    """Its own role is gone, too. Other sessions of the account stay."""
    number = store.add_account(ADA, TOKEN, REGISTER)
    store.set_session_role(b"u", Role.OWNER, Act(1.0, "zoe", "claim"))
    store.log_in(b"u", number, 3.0)
    store.log_out(b"u")
    store.log_out(b"unknown")
    assert store.membership(b"u") is None
    assert store.membership(TOKEN) == Membership(number, Role.MEMBER)


def test_nobody_is_logged_in_to_an_account_that_is_gone(store: PeopleStore) -> None:
    """Though its password was checked before. A session's own role stays."""
    number = store.add_account(ADA, TOKEN, REGISTER)
    store.set_session_role(b"o", Role.MODERATOR, Act(1.0, "zoe", "op"))
    store.remove_account(number, Act(2.0, "the operator", "remove-account", "@Ada"))
    for token in (TOKEN, b"o"):
        store.log_in(token, number, 3.0)
    assert store.membership(TOKEN) is None
    assert store.membership(b"o") == Membership(None, Role.MODERATOR)


def test_sessions_are_forgotten_when_nobody_comes_back(store: PeopleStore) -> None:
    """Those that were taken up since are not."""
    store.set_session_role(b"old", Role.OWNER, Act(100.0, "ada", "claim"))
    store.set_session_role(b"new", Role.OWNER, Act(100.0, "eva", "claim"))
    store.touch_session(b"new", 200.0)
    store.touch_session(b"unknown", 200.0)
    store.forget_sessions(200.0)
    assert store.membership(b"old") is None
    assert store.membership(b"new") == Membership(None, Role.OWNER)
    assert store.membership(b"unknown") is None


def test_a_sanction_that_ended_leaves_its_number(store: PeopleStore) -> None:
    """Pages go by it."""
    fill(store)
    store.remove_sanctions([1, 2], Act(1.0, "ada", "unban", "eva"))
    assert store.sanctions() == []
    assert store.add_sanction(BAN, REGISTER).number == 3


def test_rules_replace_those_before(store: PeopleStore) -> None:
    """A room without any is not in the list; "" stands for all rooms."""
    store.put_policy(FROZEN)
    store.put_policy(StoredPolicy("lobby", slow=2.0))
    store.put_policy(StoredPolicy("", frozen=True, frozen_by="ada"))
    assert sorted(store.policies()) == [
        StoredPolicy("", frozen=True, frozen_by="ada"),
        StoredPolicy("lobby", slow=2.0),
    ]
    store.put_policy(StoredPolicy("lobby"))
    assert store.policies() == [StoredPolicy("", frozen=True, frozen_by="ada")]


def test_the_audit_log_is_read_in_pages(store: PeopleStore) -> None:
    """In order, each from behind the one before."""
    for number in range(5):
        store.note(Act(float(number), "ada", "kick", f"n{number}"))
    assert [number for number, _ in store.acts(limit=2)] == [1, 2]
    assert [act.whom for _, act in store.acts(after=2)] == ["n2", "n3", "n4"]


def test_what_a_request_asked_for_is_noted_once(store: PeopleStore) -> None:
    """However often it comes."""
    asked = Asked(b"t", 7)
    for _ in range(2):
        store.note_once(Act(5.0, "ada", "edit", "lobby/1", asked=asked))
    assert [act.act for _, act in store.acts()] == ["edit"]
    assert store.was_done(asked)


def test_an_act_is_a_record_of_the_log(
    store: PeopleStore, caplog: pytest.LogCaptureFixture
) -> None:
    """As a sentence, and with its members for who collects logs as JSON."""
    with caplog.at_level(logging.INFO, "audit"):
        store.note(Act(1000.0, "ada", "ban", "eva", 1060.0, "too loud"))
    (record,) = caplog.records
    assert record.getMessage() == "audit: ada ban eva for 60 s (too loud)"
    shown = vars(record)
    assert (shown["who"], shown["act"], shown["whom"]) == ("ada", "ban", "eva")
    assert (shown["until"], shown["reason"]) == (1060.0, "too loud")


def test_threads_share_it(store: PeopleStore) -> None:
    """Eight at once: every line is there, once."""

    def work(name: str) -> None:
        for number in range(25):
            store.note(Act(float(number), name, "kick"))
            store.acts(limit=1)

    threads = [threading.Thread(target=work, args=(f"n{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    acts = [act for _, act in store.acts()]
    assert len(acts) == 200
    for n in range(8):
        assert [act.time for act in acts if act.who == f"n{n}"] == list(range(25))


# -- hard times -----------------------------------------------------------------------------------


@contextmanager
def no_file_grows(folder: Path) -> Iterator[None]:
    """As on a full disk: what this process writes beyond the largest file fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(path.stat().st_size for path in folder.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the size of files")
def test_a_full_disk_refuses_what_it_cannot_keep(store: PeopleStore, tmp_path: Path) -> None:
    """Neither the act nor its line is kept. Reading works; with free space writing works again."""
    fill(store)
    before = everything(store)
    with no_file_grows(tmp_path):
        with pytest.raises(StoreError, match=r"people\.db"):
            store.add_sanction(BAN._replace(reason="x" * 100_000), REGISTER)
        with pytest.raises(StoreError):
            store.note(REGISTER._replace(reason="x" * 100_000))
        assert everything(store) == before
    store.add_sanction(BAN, REGISTER)
    assert len(store.sanctions()) == 3


def _garbage(data: bytes) -> bytes:
    return b"\xde\xad\xbe\xef" * (len(data) // 4)


def _truncated(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _damaged(data: bytes) -> bytes:
    return data[:4096] + b"\x5a" * (len(data) - 4096)


@pytest.mark.parametrize("harm", [_garbage, _truncated, _damaged])
def test_a_damaged_file_is_refused_and_not_made_worse(
    tmp_path: Path, harm: Callable[[bytes], bytes]
) -> None:
    """One sentence that names it, and not a byte is changed."""
    with closing(PeopleStore(tmp_path)) as store:
        fill(store)
    path = tmp_path / "people.db"
    path.write_bytes(harm(path.read_bytes()))
    left = path.read_bytes()
    with pytest.raises(StartError, match=r"people\.db cannot be used"):
        PeopleStore(tmp_path)
    assert path.read_bytes() == left


NEWER = len(FORMAT.steps) + 1


@pytest.mark.parametrize(
    ("pragma", "reason"),
    [(f"user_version = {NEWER}", f"format {NEWER}"), ("application_id = 1", "another program")],
)
def test_a_file_of_a_newer_server_or_of_another_program_is_refused(
    tmp_path: Path, pragma: str, reason: str
) -> None:
    """It may hold what this one does not know."""
    with closing(PeopleStore(tmp_path)) as store:
        fill(store)
    with closing(sqlite3.connect(tmp_path / "people.db")) as other:
        other.execute(f"PRAGMA {pragma}")
    with pytest.raises(StartError, match=reason):
        PeopleStore(tmp_path)
