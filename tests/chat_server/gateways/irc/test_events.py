"""What a client on IRC is told of who comes, goes and is renamed, in whatever order it is told."""

import pytest

from chat_server.gateways.irc.client import IrcClient
from chat_server.gateways.irc.commands.talk import privmsg
from chat_server.gateways.irc.events import written
from chat_server.gateways.irc.network import Network
from chat_server.gateways.irc.wire.irc_lines import Line, LineReader
from chat_server.gateways.irc.wire.response import Response
from protocol.messages import Expelled, Message, Ok, Oldest, Presence, Say, ServerMessage
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


@pytest.fixture
def labelled() -> IrcClient:
    """Somebody in two rooms who gets an own message back, with its label."""
    client = IrcClient(Network(NobodyHere()), "127.0.0.1")
    client.nick, client.registered = "ana", True
    client.has = frozenset({"echo-message", "labeled-response", "batch"})
    client.rooms = {"a": {"ana", "eva"}, "b": {"ana", "eva"}}
    return client


def said(client: IrcClient, channels: str) -> tuple[list[int], Response]:
    """Say hello with a label. Returns the ids of the requests, and the response."""
    (line,) = LineReader().feed(f"@label=x PRIVMSG {channels} :hello\r\n".encode())
    assert isinstance(line, Line)
    response = client.respond(line)
    ids = [asked.id for asked in privmsg(client, line, response) if isinstance(asked, Say)]
    with client.lock:
        assert response.end() == b""
    return ids, response


def told(client: IrcClient, *events: ServerMessage) -> list[bytes]:
    """What the client is sent for each event."""
    with client.lock:
        return [written(client, event) for event in events]


def own(room: str, seq: int) -> Message:
    """What the client itself said."""
    return Message(room, seq, 1.0, "ana", "text", "hello")


def test_an_echo_keeps_its_place(labelled: IrcClient) -> None:
    """Ahead of what is said next, also where a worker is ahead of the thread that reads."""
    (line,) = LineReader().feed(b"@label=x PRIVMSG #a :hello\r\n")
    assert isinstance(line, Line)
    response = labelled.respond(line)
    steps = privmsg(labelled, line, response)
    asked = next(steps)
    assert isinstance(asked, Say)
    assert told(labelled, Ok(re=asked.id, seq=7), own("a", 7)) == [
        b"",
        b"@label=x :ana!ana@backchannel PRIVMSG #a :hello\r\n",
    ]
    assert list(steps) == []
    with labelled.lock:
        assert response.end() == b""


ACK = b"@label=x :backchannel ACK\r\n"


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Oldest("a", 8), b"not kept any more\r\n"),
        (own("a", 8), b"PRIVMSG #a :hello\r\n"),
        (
            Expelled("a", "You are not invited."),
            b"KICK #a ana :You are not invited.\r\n",
        ),
    ],
)
def test_an_echo_that_will_not_come(labelled: IrcClient, event: ServerMessage, line: bytes) -> None:
    """As the message is not kept any more, or the client is not there: the label is answered."""
    (number,), _ = said(labelled, "#a")
    (nothing, data) = told(labelled, Ok(re=number, seq=7), event)
    assert nothing == b""
    assert data.endswith(line + ACK)
    if isinstance(event, Expelled):
        assert told(labelled, own("b", 1)) == [b":ana!ana@backchannel PRIVMSG #b :hello\r\n"]


@pytest.mark.parametrize(
    "event",
    [Oldest("a", 8), own("a", 8), Expelled("a", "You are not invited.")],
)
def test_an_echo_that_is_known_not_to_come(labelled: IrcClient, event: ServerMessage) -> None:
    """The same before the reply."""
    (number,), _ = said(labelled, "#a")
    assert told(labelled, event, Ok(re=number, seq=7))[1] == ACK


def test_one_of_two_echoes_will_not_come(labelled: IrcClient) -> None:
    """The batch ends all the same."""
    (first, second), response = said(labelled, "#a,#b")
    data = told(labelled, Ok(re=first, seq=7), Ok(re=second, seq=3), own("b", 3), Oldest("a", 8))
    assert data[2].startswith(b"@label=x :backchannel BATCH +")
    assert data[3].endswith(b"BATCH -%s\r\n" % str(response.batch).encode())
