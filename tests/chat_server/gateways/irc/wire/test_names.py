"""Names: what IRC cannot write is shown otherwise, each name as one person's alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.gateways.irc.wire.names import Names, channel_of, is_writable, room_of

NICKS = st.text(st.characters(exclude_categories=["Cs", "Zs", "Zl", "Zp"]), min_size=1, max_size=40)


def nobody(_: str) -> bool:
    return False


@pytest.mark.parametrize(
    "nick", ["ana", "Ünal", "a-b", "a.b", "[a]", "_", "-a", "a1", "日本", "a" * 32]
)
def test_what_can_be_written_is_as_it_is(nick: str) -> None:
    """Nearly all nicks."""
    assert is_writable(nick)
    assert Names(nobody).shown(nick) == nick


@pytest.mark.parametrize(
    ("nick", "shown"),
    [
        ("a,b", "a_b"),
        ("a!b@c", "a_b_c"),
        (":a", "_a"),
        ("*", "_"),
        ("1a", "_a"),
        ("a*b", "a_b"),
        ("$a", "_a"),
        ("~a", "_a"),
        ("%a", "_a"),
        ("&a", "_a"),
        ("+a", "_a"),
        ("a" * 40, "a" * 32),
    ],
)
def test_what_cannot_be_written_is_replaced(nick: str, shown: str) -> None:
    """Each sign by one `_`."""
    assert not is_writable(nick)
    names = Names(nobody)
    assert names.shown(nick) == shown
    assert names.nick(shown) == nick
    assert names.shown(nick) == shown


def test_two_people_never_have_one_name() -> None:
    """Whoever comes second gets a number; so does who would be called like somebody else."""
    here = {"a_b"}
    names = Names(here.__contains__)
    assert [names.shown(nick) for nick in ("a,b", "a!b", "A@b", "a,b")] == [
        "a_b2",
        "a_b3",
        "A_b",
        "a_b2",
    ]
    here.add("a_b3")  # somebody takes the name
    assert names.shown("a!b") == "a_b4"
    assert names.nick("a_b3") == "a_b3"
    assert names.nick("A_B4") == "a!b"


def test_nobody_is_taken_for_the_server() -> None:
    """Its name is nobody's."""
    assert Names(nobody).shown("Backchannel") == "Backchannel2"


def test_a_number_fits_in() -> None:
    """A name is never longer than a nick may be."""
    names = Names(nobody)
    found = [names.shown(f"{'a' * 31},{number}") for number in range(12)]
    assert len(set(found)) == 12
    assert max(map(len, found)) == 32


@given(st.lists(NICKS, max_size=20))
def test_names_are_unique_and_can_be_written(nicks: list[str]) -> None:
    """Whatever people are called."""
    names = Names(nobody)
    shown = {nick: names.shown(nick) for nick in nicks}
    assert all(map(is_writable, shown.values()))
    replaced = [name for nick, name in shown.items() if nick != name]
    assert len({name.lower() for name in replaced}) == len(replaced)
    assert all(names.nick(name) == nick for nick, name in shown.items() if nick != name)


@pytest.mark.parametrize(
    "channel", ["lobby", "#", "##", "#a b", "#ä", "&a", "#a,b", "0", "", "#" + "a" * 51]
)
def test_what_is_no_channel(channel: str) -> None:
    """A # and what a room may be called."""
    assert room_of(channel) is None


def test_channels_are_rooms() -> None:
    """In any case."""
    assert room_of("#Lobby") == "lobby"
    assert channel_of("lobby") == "#lobby"
