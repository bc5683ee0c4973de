"""What is asked about the server: PING, MOTD, LUSERS, VERSION, TIME."""

from datetime import UTC, datetime

from chat_server.gateways.gateway import Work
from chat_server.gateways.irc.client import IrcClient, Steps
from chat_server.gateways.irc.welcome import message_of_the_day, supported
from chat_server.gateways.irc.wire.irc_lines import Line, build
from chat_server.gateways.irc.wire.names import SERVER
from chat_server.gateways.irc.wire.response import Response
from chat_server.version import SERVER as VERSION
from protocol.messages import Pong

_DIGITS = 15
"""Of the number of a ping, at the most."""


def ping(client: IrcClient, line: Line, response: Response) -> Steps:
    """Show that the server is there, and that all is told that happened in the client's rooms."""
    if client.rooms:
        yield Work(client.tell_early, waits=True)
    if not line.params:
        response.add(client.numeric("461", "PING", text="A word to answer with is missing"))
        return
    response.add(build(SERVER, "PONG", SERVER, text=line.param(0)))


def pong(_: IrcClient, line: Line, __: Response) -> Steps:
    """Take it for a sign of life, and for the answer to the ping whose number it repeats."""
    word = line.params[-1].removeprefix(f"{SERVER}-") if line.params else ""
    number = int(word) if word.isascii() and word.isdecimal() and len(word) <= _DIGITS else 1
    yield Pong(re=max(1, number))


def motd(client: IrcClient, _: Line, response: Response) -> Steps:
    """Return the message of the day."""
    yield from ()
    response.add(*message_of_the_day(client))


def lusers(client: IrcClient, _: Line, response: Response) -> Steps:
    """Return how many are here."""
    yield from ()
    response.add(*lusers_lines(client))


def lusers_lines(client: IrcClient) -> list[str]:
    """Return how many people and rooms there are."""
    live = client.network.live
    people, rooms = live.people(), live.rooms()
    return [
        client.numeric("251", text=f"There are {people} users and 0 invisible on 1 server"),
        client.numeric("252", "0", text="operators are told apart in the channels"),
        client.numeric("254", str(rooms), text="channels are there"),
        client.numeric("255", text=f"I have {people} clients and 0 servers"),
        client.numeric(
            "265", str(people), str(people), text=f"Current local users {people}, max {people}"
        ),
        client.numeric(
            "266", str(people), str(people), text=f"Current global users {people}, max {people}"
        ),
    ]


def version(client: IrcClient, _: Line, response: Response) -> Steps:
    """Return the server's version, and what it can do."""
    yield from ()
    text = "Rooms are channels here: see docs/irc.md"
    response.add(client.numeric("351", VERSION, SERVER, text=text), *supported(client))


def time(client: IrcClient, _: Line, response: Response) -> Steps:
    """Return the server's time."""
    yield from ()
    now = datetime.fromtimestamp(client.network.live.now(), UTC)
    response.add(client.numeric("391", SERVER, text=f"{now:%A %d %B %Y %H:%M:%S} UTC"))
