"""The table of commands: found by name, suggested, exported, and written down."""

import json
import re

import pytest

from chat_client.commands.table import COMMANDS
from chat_client.errors import CommandError
from tests.support.servers import ROOT


@pytest.mark.parametrize("typed", ["clear", "exi", "exti", "leav", "logot", "lear"])
def test_leaving_is_never_suggested(typed: str) -> None:
    """A mistyped command, or one of another chat, must not make the user leave."""
    with pytest.raises(CommandError) as caught:
        COMMANDS.find(typed)
    assert not re.search("/(quit|exit|bye|leave|part|logout)", str(caught.value))


def test_the_nearest_is_suggested() -> None:
    """Of all others."""
    with pytest.raises(CommandError, match="did you mean /history"):
        COMMANDS.find("histroy")


def test_it_can_be_written_as_json() -> None:
    """For clients in other languages: with all that a list of commands shows."""
    exported = json.loads(json.dumps(COMMANDS.exported()))
    assert {
        "name": "msg",
        "aliases": ["tell", "w"],
        "arguments": "NICK TEXT",
        "help": "tell one person something; it is kept only until they are back, if they are away",
        "group": "talk",
        "private": True,
        "secrets": [],
        "leaves": False,
    } in exported
    assert [each["name"] for each in exported] == [each.name for each in COMMANDS]


def test_each_name_stands_for_one_command() -> None:
    """An alias is nobody else's name."""
    names = [name for each in COMMANDS for name in each.names]
    assert len(names) == len(set(names))
    assert [
        each.usage for each in COMMANDS if any(COMMANDS.find(n) != each for n in each.names)
    ] == []


def test_the_page_has_every_command() -> None:
    """docs/client.md names each as it is typed, and by its other names."""
    page = ROOT.joinpath("docs", "client.md").read_text(encoding="utf-8").replace("\\|", "|")
    typed = [each.usage for each in COMMANDS] + [f"/{n}" for each in COMMANDS for n in each.aliases]
    assert [each for each in typed if f"`{each}`" not in page] == []
