"""Who is banned or muted: by what somebody is recognised, and until when."""

from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.identity.store.records import Sanction
from chat_server.moderation.in_force import bans
from chat_server.moderation.in_force.bans import (
    Kind,
    Person,
    Sanctions,
    Sought,
    read_network,
    shown_network,
)
from protocol.errors import ProtocolError
from protocol.text import nick_key, nick_skeleton
from tests.support.clock import ManualClock


def person(nick: str = "eva", **members: Any) -> Person:
    """A person whom no sanction matches, except by the members given."""
    address = members.pop("address", "192.0.2.1")
    kept: dict[str, Any] = {"token": b"eva", "account": None, **members}
    where = None if address is None else ip_address(address)
    return Person(nick_key(nick), nick_skeleton(nick), address=where, **kept)


def sanction(number: int = 1, act: Kind = "ban", who: str = "bob", **members: Any) -> Sanction:
    """A ban without an end, which matches only by the members given."""
    kept: dict[str, Any] = {
        "key": None,
        "account": None,
        "token": None,
        "network": None,
        "until": None,
        "reason": "",
        "by": "ada",
        "time": 1_800_000_000.0,
    }
    return Sanction(number=number, act=act, who=who, **{**kept, **members})


@pytest.mark.parametrize(
    ("named", "brought"),
    [
        ({"key": "bob"}, {"nick": "bob"}),
        ({"key": "bob"}, {"nick": "Bob"}),
        ({"key": "bob"}, {"nick": "b\u043eb"}),  # a Cyrillic o
        ({"key": "bob"}, {"nick": "b0b"}),
        ({"token": b"t"}, {"token": b"t"}),
        ({"account": 7}, {"account": 7}),
        ({"network": "10.0.0.7/32"}, {"address": "10.0.0.7"}),
        ({"network": "10.1.0.0/16"}, {"address": "10.1.200.3"}),
        ({"network": "0.0.0.0/0"}, {"address": "10.1.200.3"}),
        ({"network": "2001:db8::/32"}, {"address": "2001:db8:1::5"}),
    ],
    ids=str,
)
def test_one_thing_is_enough_to_be_recognised_by(
    clock: ManualClock, named: dict[str, Any], brought: dict[str, Any]
) -> None:
    """Whatever else somebody changes."""
    kept = sanction(**named)
    holding = Sanctions(clock, [kept])
    assert holding.find("ban", person(**brought)) == kept
    assert holding.find("mute", person(**brought)) is None
    assert holding.find("ban", person()) is None or named.get("network") == "0.0.0.0/0"


def test_a_sanction_of_a_session_means_no_nick_beside_it(clock: ManualClock) -> None:
    """Only what the sanction names is compared."""
    holding = Sanctions(clock, [sanction(token=b"t", network="10.0.0.0/8")])
    assert holding.find("ban", person("bob", account=3, address=None)) is None
    assert holding.find("ban", person("bob", address="11.0.0.1")) is None
    assert holding.find("ban", person("bob", address="::a00:1")) is None  # 10.0.0.1's bits


def test_exactly_is_by_nothing_that_others_share(clock: ManualClock) -> None:
    """An address is shared, and the looks of a nick; nick, session and account are not."""
    holding = Sanctions(
        clock,
        [sanction(1, key="bob", network="192.0.2.0/24"), sanction(2, token=b"t", account=7)],
    )
    assert holding.find("ban", person("b0b"), exactly=True) is None
    assert holding.find("ban", person("bob"), exactly=True)
    assert holding.find("ban", person(token=b"t"), exactly=True)
    assert holding.find("ban", person(account=7), exactly=True)


def test_it_ends_by_itself(clock: ManualClock) -> None:
    """And says until then for how long it still holds."""
    now = clock.time()
    kept = sanction(key="bob", time=now, until=now + 60)
    holding = Sanctions(clock, [kept])
    clock.advance(59)
    assert holding.left(kept) == pytest.approx(1)
    assert holding.find("ban", person("bob")) == kept
    clock.advance(1)
    assert holding.find("ban", person("bob")) is None
    assert holding.all() == []


@pytest.mark.parametrize("hours", [-1000, -1, 1, 1000])
def test_a_clock_that_is_set_while_the_server_runs_changes_nothing(
    clock: ManualClock, hours: int
) -> None:
    """Neither is anybody let in early, nor kept out for longer."""
    now = clock.time()
    holding = Sanctions(clock, [sanction(key="bob", time=now, until=now + 60)])
    clock.set_time(now + hours * 3600)
    clock.advance(59)
    assert holding.find("ban", person("bob"))
    clock.advance(1)
    assert holding.find("ban", person("bob")) is None


def test_a_clock_set_back_while_the_server_was_down_adds_at_most_the_whole_time() -> None:
    """A ban of a minute is no ban of a year because the battery was empty."""
    then = ManualClock()
    kept = sanction(key="bob", time=then.time(), until=then.time() + 60)
    year_before = ManualClock(then.time() - 365 * 86400)
    holding = Sanctions(year_before, [kept])
    assert holding.left(kept) == pytest.approx(60)
    year_before.advance(60)
    assert holding.find("ban", person("bob")) is None


def test_of_several_the_last_to_end_is_told(clock: ManualClock) -> None:
    """A person who is told "a minute" must not meet an hour's ban after it."""
    now = clock.time()
    minute = sanction(1, key="bob", time=now, until=now + 60)
    hour = sanction(2, token=b"t", time=now, until=now + 3600)
    ever = sanction(3, account=7)
    holding = Sanctions(clock, [hour, minute, ever])
    assert holding.find("ban", person("bob")) == minute
    assert holding.find("ban", person("bob", token=b"t")) == hour
    assert holding.find("ban", person("bob", token=b"t", account=7)) == ever


def test_lifting_goes_by_what_it_was_made_of(clock: ManualClock) -> None:
    """By nick, account or network; a wider network is another."""
    kept = sanction(1, key="bob", account=7, token=b"t", network="10.0.0.7/32")
    holding = Sanctions(clock, [kept, sanction(2, network="10.0.0.0/8")])
    for sought in (
        Sought(key="bob"),
        Sought(account=7),
        Sought(network=read_network("10.0.0.7")),
    ):
        assert holding.made_of("ban", sought) == [kept]
        assert holding.made_of("mute", sought) == []
    assert holding.made_of("ban", Sought(network=read_network("10.0.0.8"))) == []
    version = holding.version
    holding.remove([1])
    assert holding.version != version
    assert [each.number for each in holding.all()] == [2]
    assert holding.find("ban", person("bob", token=b"t", account=7)) is None


def test_there_are_not_more_than_may_be(clock: ManualClock, monkeypatch: Any) -> None:
    """One that ended makes place for another."""
    monkeypatch.setattr(bans, "SANCTIONS_LIMIT", 2)
    now = clock.time()
    holding = Sanctions(clock, [sanction(1, key="a", time=now, until=now + 5)])
    holding.check_space()
    holding.add(sanction(2, key="b"))
    with pytest.raises(ProtocolError, match="lift some"):
        holding.check_space()
    clock.advance(5)
    holding.check_space()


def test_what_is_lifted_takes_no_memory(clock: ManualClock) -> None:
    """Ten thousand bans of a year that were each lifted at once leave nothing behind."""
    holding, now = Sanctions(clock), clock.time()
    for number in range(10_000):
        holding.add(sanction(number, key=f"n{number}", network="10.0.0.0/8", until=now + 3e7))
        holding.remove([number])
    assert holding.all() == []
    assert len(holding._due) < 200
    assert not holding._numbers
    assert not holding._sizes


_networks = st.sampled_from(
    ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "0.0.0.0/0", "2001:db8::/32", "::/0", None]
)
_sanctions = st.builds(
    lambda act, key, account, token, network: sanction(
        act=act, who=key or "x", key=key, account=account, token=token, network=network
    ),
    st.sampled_from(["ban", "mute"]),
    st.sampled_from([None, "ada", "bob", "b0b"]),
    st.sampled_from([None, 1, 2]),
    st.sampled_from([None, b"a", b"b"]),
    _networks,
)
_people = st.builds(
    lambda nick, account, token, address: person(
        nick, account=account, token=token, address=address
    ),
    st.sampled_from(["ada", "bob", "eva"]),
    st.sampled_from([None, 1, 2]),
    st.sampled_from([b"a", b"b"]),
    st.sampled_from([None, "10.1.2.3", "10.9.9.9", "11.0.0.1", "2001:db8::7", "2001:db9::7"]),
)


def _means(kept: Sanction, who: Person) -> bool:
    """The rule, without an index."""
    network = read_network(kept.network) if kept.network else None
    return (
        (kept.key is not None and kept.key == who.key)
        or (kept.key is not None and nick_skeleton(kept.who) == who.looks)
        or (kept.account is not None and kept.account == who.account)
        or kept.token == who.token
        or (network is not None and who.address is not None and who.address in network)
    )


@given(st.lists(_sanctions, max_size=8), st.sets(st.integers(0, 7)), _people)
def test_the_index_finds_what_the_rule_says(
    kept: list[Sanction], lifted: set[int], who: Person
) -> None:
    """However many there are, and whatever was lifted before."""
    numbered = [each._replace(number=number) for number, each in enumerate(kept)]
    holding = Sanctions(ManualClock(), numbered)
    holding.remove(lifted)
    for act in ("ban", "mute"):
        meaning = [
            each
            for each in numbered
            if each.act == act and each.number not in lifted and _means(each, who)
        ]
        found = holding.find(act, who)
        assert found in meaning if meaning else found is None


@pytest.mark.parametrize(
    ("who", "shown"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("10.1.2.3/16", "10.1.0.0/16"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("::ffff:10.1.0.0/112", "10.1.0.0/16"),
        ("2001:db8::7/32", "2001:db8::/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("bob", None),
        ("@bob", None),
        ("10.0.0", None),
        ("10.0.0.7/33", None),
        ("bob/eva", None),
        ("256.1.1.1", None),
        ("", None),
    ],
)
def test_who_may_be_a_network(who: str, shown: str | None) -> None:
    """Everything else is a nick or an account."""
    network = read_network(who)
    assert (None if network is None else shown_network(network)) == shown
