"""What commands have in common: their names, what is typed behind them, and what is missing."""

import pytest

from chat_client.commands.command import Command, Table, Typed, checked_room
from chat_client.commands.table import COMMANDS
from chat_client.errors import CommandError


def nothing(*_: object) -> None:
    """Do nothing."""


READ = Command("log", "[N]", "reads", "read", nothing, aliases=("history",))
MSG = Command("msg", "NICK TEXT", "tells", "talk", nothing)
LEAVE = Command("leave", "", "leaves", "rooms", nothing, leaves=True)
TABLE = Table([READ, LEAVE, MSG])


def test_commands_are_listed_by_their_groups() -> None:
    """In the order that the groups have."""
    assert list(TABLE) == [MSG, LEAVE, READ]


@pytest.mark.parametrize("name", ["log", "LOG", "history", "History"])
def test_a_command_is_found_by_each_of_its_names(name: str) -> None:
    assert TABLE.find(name) is READ
    assert TABLE.get("nothing") is None


@pytest.mark.parametrize(
    ("name", "says"),
    [("lgo", "did you mean /log?"), ("leav", "/help shows all."), ("zzz", "/help shows all.")],
)
def test_what_is_no_command(name: str, says: str) -> None:
    """The nearest is named, but none that gives something up; and how to say it as a text."""
    with pytest.raises(CommandError) as raised:
        TABLE.find(name)
    assert says in str(raised.value)
    assert f"//{name}" in str(raised.value)


def test_how_a_command_is_typed() -> None:
    """It is told to who leaves something out."""
    assert (MSG.usage, LEAVE.usage) == ("/msg NICK TEXT", "/leave")
    assert Typed("/msg ana hi", MSG, "ana hi", None).needed() == "ana hi"
    with pytest.raises(CommandError, match="type /msg NICK TEXT"):
        Typed("/msg", MSG, "", None).needed()


def test_a_password_is_not_shown_with_what_was_typed() -> None:
    """It is not in the text that comes back, either."""
    typed = Typed("/login", COMMANDS.find("login"), "", "lobby").with_secrets("open sesame")
    assert typed.secrets == ("open sesame",)
    assert "sesame" not in repr(typed)
    assert "sesame" not in typed.again


def test_a_room_may_be_typed_with_its_sign() -> None:
    """A name that no room can have is told at once."""
    assert checked_room("#Lobby") == checked_room("lobby") == "lobby"
    with pytest.raises(CommandError, match="room"):
        checked_room("a b")
