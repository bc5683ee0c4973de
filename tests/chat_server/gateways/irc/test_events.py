"""What a client on IRC is told of who comes, goes and is renamed, in whatever order it is told."""

import pytest

from chat_server.gateways.irc.client import IrcClient
from chat_server.gateways.irc.commands.talk import privmsg
from chat_server.gateways.irc.events import written
from chat_server.gateways.irc.network import Network
from chat_server.gateways.irc.wire.irc_lines import Line, LineReader
from protocol.messages import Message, Ok, Presence, Say
from tests.support.irc_live import NobodyHere


@pytest.fixture
def ida() -> IrcClient:
    """Somebody in two rooms who was called ana until now, of which the rooms are not told yet."""
    client = IrcClient(Network(NobodyHere()), "127.0.0.1")
    client.nick = "ana"
    client.rooms = {"a": {"ana", "eva"}, "b": {"ana", "eva"}}
    with client.lock:
        client.take_nick_locked("ida")
    return client


def tell(client: IrcClient, room: str, **changes: object) -> list[str]:
    """What the client is sent for a presence."""
    nothing: dict[str, object] = {"joined": [], "left": [], "renamed": [], "members": 2}
    event = Presence(room=room, **{**nothing, **changes})  # type: ignore[arg-type]
    with client.lock:
        return written(client, event).decode().splitlines()


def test_its_own_coming_that_is_told_late(ida: IrcClient) -> None:
    """It came as ana: that is nobody else, and it is told of its new nick once."""
    assert tell(ida, "b", joined=["ana"]) == []
    assert tell(ida, "b", renamed=[("ana", "ida")]) == []
    assert tell(ida, "a", joined=["ida"]) == []
    assert ida.rooms == {"a": {"ida", "eva"}, "b": {"ida", "eva"}}


def test_somebody_else_takes_the_nick(ida: IrcClient) -> None:
    """Behind the change, in the same event or in a later one: they come."""
    assert tell(ida, "a", renamed=[("ana", "ida")], joined=["ana"], members=3) == [
        ":ana!ana@backchannel JOIN #a"
    ]
    assert tell(ida, "b", joined=["ida"]) == []
    assert tell(ida, "b", joined=["ana"], members=3) == [":ana!ana@backchannel JOIN #b"]


def test_an_echo_keeps_its_place() -> None:
    """Ahead of what is said next, also where a worker is ahead of the thread that reads."""
    client = IrcClient(Network(NobodyHere()), "127.0.0.1")
    client.nick, client.registered = "ana", True
    client.has = frozenset({"echo-message", "labeled-response", "batch"})
    client.rooms = {"a": {"ana", "eva"}}
    (line,) = LineReader().feed(b"@label=x PRIVMSG #a :hello\r\n")
    assert isinstance(line, Line)
    response = client.respond(line)
    steps = privmsg(client, line, response)
    asked = next(steps)
    assert isinstance(asked, Say)
    with client.lock:
        written(client, Ok(re=asked.id, seq=7))
        own = written(client, Message("a", 7, 1.0, "ana", "text", "hello"))
        assert own == b"@label=x :ana!ana@backchannel PRIVMSG #a :hello\r\n"
        assert list(steps) == []
        assert response.end() == b""
