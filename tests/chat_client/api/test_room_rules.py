"""The rules of a room by the Python API, with a real server."""

from collections.abc import Iterator

import pytest

import chat_client
from chat_client import Chat, Refused, Removed
from chat_server.server import Server
from tests.chat_client.recorder import Recorder
from tests.support.servers import address_of, running_server
from tests.support.waiting import eventually


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as running:
        yield running


@pytest.fixture
def teacher(server: Server) -> Iterator[Chat]:
    with chat_client.connect(address_of(server), nick="teacher") as chat:
        assert server.owner_secret is not None
        chat.claim(server.owner_secret)
        chat.join("staff")
        yield chat


def test_rules_are_set_and_asked_for(server: Server, teacher: Chat) -> None:
    """What is not named stays; who is no moderator is refused."""
    rules = teacher.rules("#Staff")
    rules.set(topic="everybody", forget=True)
    rules.set(read_only=True, images=True)
    known = rules.ask()
    assert (known.topic, known.read_only, known.forget) == ("everybody", True, True)
    assert known.images is True
    assert known.invite_only is False
    with chat_client.connect(address_of(server), nick="ben") as ben:
        room = ben.join("staff")
        assert room.rules.ask().read_only is True
        with pytest.raises(Refused, match="only moderators"):
            room.rules.set(read_only=False)
        with pytest.raises(Refused, match="only moderators speak here"):
            room.say("hi")


def test_who_is_invited_comes_in_until_that_is_taken_back(server: Server, teacher: Chat) -> None:
    """Then the room is gone from theirs, with the reason."""
    heard = Recorder()
    teacher.rules("staff").set(invite_only=True)
    with chat_client.connect(address_of(server), nick="ben", on_event=heard) as ben:
        with pytest.raises(Refused):
            ben.join("staff")
        assert ben.rooms() == []
        teacher.rules("staff").invite("ben")
        room = ben.join("staff")
        assert room.people() == {"ben": "member", "teacher": "owner"}
        teacher.rules("staff").uninvite("ben")
        eventually(lambda: not ben.joined)
        eventually(lambda: [each for each in heard.events if isinstance(each, Removed)])
