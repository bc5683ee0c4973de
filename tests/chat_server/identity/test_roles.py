"""Who is in charge: the secret, the settings, moderators, and what is kept of it."""

import logging
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.identity.roles import Role
from chat_server.identity.store.people_store import PeopleStore
from chat_server.runtime.config.settings import Settings
from tests.chat_server.house import House
from tests.chat_server.identity.people import PASSWORD, Slow, leave, register, role_of, secret_of
from tests.support.clock import ManualClock
from tests.support.peer import Peer
from tests.support.servers import running_server

# -- op and deop ----------------------------------------------------------------------------------


def test_an_owner_makes_moderators_and_members_again(house: House, owner: Peer) -> None:
    """The person is told by whom. The role stays after a lost connection."""
    eva = house.enter("eva")
    owner.ok("op", who="EVA")
    eva.expect("role", role="moderator", by="olga")
    again = house.connect()
    assert again.hello("eva", session=eva.session)["role"] == "moderator"
    owner.ok("deop", who="eva")
    again.expect("role", role="member", by="olga")


def test_doing_it_again_changes_nothing(house: House, owner: Peer) -> None:
    """And tells nobody."""
    eva = house.enter("eva")
    owner.ok("deop", who="eva")
    owner.ok("op", who="eva")
    owner.ok("op", who="eva")
    eva.ping()
    assert len([frame for frame in eva.queue if frame["type"] == "role"]) == 1


@pytest.mark.parametrize("kind", ["op", "deop"])
def test_nobody_else_appoints(house: House, owner: Peer, kind: str) -> None:
    """Neither a member nor a moderator, not even oneself."""
    eva, max_ = house.enter("eva"), house.enter("max")
    owner.ok("op", who="max")
    for peer in (eva, max_):
        for who in ("eva", "max", "olga"):
            peer.refused("forbidden", kind, who=who)


@pytest.mark.parametrize("who", ["nobody", "@nobody"])
def test_who_is_not_there_gets_no_role(owner: Peer, who: str) -> None:
    """An account need not be here, but must exist."""
    owner.refused("no_such_nick", "op", who=who)


def test_a_role_belongs_to_the_account(tmp_path: Path) -> None:
    """Whoever logs in to it has it; and a nick without it has not."""
    with running_server(tmp_path) as server, House(server) as house:
        olga = house.enter("olga")
        olga.ok("claim", secret=secret_of(server))
        eva = register(house, "eva")
        olga.ok("op", who="eva")
        eva.expect("role", role="moderator", by="olga")
        leave(eva)
    with running_server(tmp_path) as server, House(server) as house:
        peer = house.enter("guest")
        assert peer.ok("login", account="eva", password=PASSWORD)["role"] == "moderator"
        other = house.connect()
        assert other.hello("eva", account_password=PASSWORD)["role"] == "moderator"
        assert house.connect().hello("zoe")["role"] == "member"


def test_a_role_is_taken_along_into_a_new_account(house: House, owner: Peer) -> None:
    """An owner who registers is one wherever they log in."""
    owner.ok("register", password=PASSWORD)
    other = house.enter("elsewhere")
    assert other.ok("login", account="olga", password=PASSWORD)["role"] == "owner"


def test_logging_in_is_to_be_who_the_account_is(house: House, owner: Peer) -> None:
    """No more than that: a session's role from before does not count any longer."""
    leave(register(house, "eva"))
    guest = house.enter("guest")
    owner.ok("op", who="guest")
    assert guest.ok("login", account="eva", password=PASSWORD)["role"] == "member"
    assert role_of(house, guest) == "member"


def test_an_account_gets_its_role_while_nobody_is_logged_in(house: House, owner: Peer) -> None:
    """By @."""
    leave(register(house, "eva"))
    owner.ok("op", who="@Eva")
    assert house.connect().hello("eva", account_password=PASSWORD)["role"] == "moderator"
    owner.ok("deop", who="@eva")
    assert house.connect().hello("eva", account_password=PASSWORD)["role"] == "member"


def test_every_session_of_an_account_is_told(house: House, owner: Peer) -> None:
    """One's laptop and one's phone."""
    laptop = register(house, "eva")
    laptop.ok("nick", nick="laptop")
    phone = house.enter("phone")
    phone.ok("login", account="eva", password=PASSWORD)
    owner.ok("op", who="@eva")
    laptop.expect("role", role="moderator", by="olga")
    phone.expect("role", role="moderator", by="olga")


def test_an_owner_may_be_demoted_but_not_promoted(house: House, owner: Peer) -> None:
    """By another, who got the secret from them."""
    assert house.server
    other = house.enter("otto")
    other.ok("claim", secret=secret_of(house.server))
    other.refused("forbidden", "op", who="olga")
    other.ok("deop", who="olga")
    owner.expect("role", role="owner", by="olga")
    owner.expect("role", role="member", by="otto")
    owner.refused("forbidden", "op", who="otto")


@pytest.mark.parametrize("before", [True, False])
def test_a_role_that_changes_while_an_account_is_made_is_the_accounts(
    tmp_path: Path, before: bool
) -> None:
    """Hashing takes a while: the role counts that the session has when the account is there."""
    hasher = Slow()
    hasher.go_on.set()
    with running_server(tmp_path, hasher=hasher) as server, House(server) as house:
        olga, eva = house.enter("olga"), house.enter("eva")
        olga.ok("claim", secret=secret_of(server))
        if before:
            olga.ok("op", who="eva")
        hasher.go_on.clear()
        identity = eva.post("register", password=PASSWORD)
        hasher.wait_until_entered()
        olga.ok("deop" if before else "op", who="eva")
        hasher.go_on.set()
        assert eva.reply(identity)["account"] == "eva"
        assert role_of(house, eva) == ("member" if before else "moderator")


# -- the settings ---------------------------------------------------------------------------------


def test_the_settings_name_owners(tmp_path: Path) -> None:
    """By account. No command takes the role away; a reload changes it also for connected people."""
    with running_server(tmp_path) as server, House(server) as house:
        leave(register(house, "eva"))
    with running_server(tmp_path, owners=("EVA",)) as server, House(server) as house:
        eva = house.connect()
        assert eva.hello("eva", account_password=PASSWORD)["role"] == "owner"
        other = house.enter("otto")
        eva.ok("op", who="otto")
        eva.refused("forbidden", "deop", who="@eva")
        eva.refused("forbidden", "op", who="eva")
        server.reload(Settings(data=tmp_path))
        eva.refused("forbidden", "deop", who="otto")
        assert other.nick == "otto"


def test_nobody_registers_the_name_of_an_owner(tmp_path: Path) -> None:
    """Whoever came first would be in charge."""
    with running_server(tmp_path, owners=("eva",)) as server, House(server) as house:
        eva = house.enter("eva")
        eva.refused("forbidden", "register", password=PASSWORD)
        assert role_of(house, eva) == "member"
        again = house.enter("eva", session=eva.session)
        again.ok("claim", secret=secret_of(server))
        assert again.ok("register", password=PASSWORD)["account"] == "eva"


# -- the audit log --------------------------------------------------------------------------------


def test_every_act_is_in_the_audit_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The store and the log say who did what to whom."""
    with (
        caplog.at_level(logging.WARNING),
        caplog.at_level(logging.INFO, "audit"),
        running_server(tmp_path, ManualClock(5000.0)) as server,
        House(server) as house,
    ):
        olga = house.enter("olga")
        olga.ok("claim", secret=secret_of(server))
        eva = register(house, "eva")
        olga.ok("op", who="eva")
        olga.ok("deop", who="@eva")
        eva.refused("forbidden", "op", who="eva")
    with closing(PeopleStore(tmp_path)) as store:
        acts = [act for _, act in store.acts()]
    lines = [f"{act.who} {act.act} {act.whom}" for act in acts]
    assert lines == ["olga claim olga", "eva register eva", "olga op @eva", "olga deop @eva"]
    assert {act.time for act in acts} == {5000.0}
    assert caplog.messages[-4:] == [f"audit: {line}" for line in lines]


def test_nobody_acts_on_a_higher_role_nor_a_moderator_on_another() -> None:
    """Every pair."""
    pairs = [(one, other) for one in Role for other in Role if one.may_act_on(other)]
    assert pairs == [
        (Role.MODERATOR, Role.MEMBER),
        (Role.OWNER, Role.MEMBER),
        (Role.OWNER, Role.MODERATOR),
        (Role.OWNER, Role.OWNER),
    ]


@pytest.mark.parametrize("role", Role)
def test_a_role_is_the_word_that_it_is_written_as(role: Role) -> None:
    """In the protocol and in the store."""
    assert Role.of(role.word) is role
    assert role.word in ("member", "moderator", "owner")
