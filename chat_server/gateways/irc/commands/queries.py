"""Who is who: WHO, WHOIS, WHOWAS, ISON, USERHOST."""

from collections.abc import Sequence
from functools import partial

from chat_server.gateways.irc.client import IrcClient, Steps
from chat_server.gateways.irc.commands.channels import rank
from chat_server.gateways.irc.live import IrcPerson
from chat_server.gateways.irc.wire.irc_lines import Line
from chat_server.gateways.irc.wire.names import SERVER, channel_of, room_of
from chat_server.gateways.irc.wire.response import Response
from protocol.messages import Error, Who

_ISON_LIMIT, _USERHOST_LIMIT = 100, 5
"""How many nicks one ISON or USERHOST looks at: as many as a line holds, and five (RFC 2812, 4.8).
"""

_EVERYBODY = ("*", "0")
"""What WHO is asked by who wants to know of all that it may: those in its rooms."""


def who(client: IrcClient, line: Line, response: Response) -> Steps:
    """Return who is in a room that the client is in, in all of them, or one person."""
    mask = line.param(0) or "*"
    room = room_of(mask)
    rooms = sorted(client.rooms) if mask in _EVERYBODY else [room] if room in client.rooms else []
    told: set[str] = set()
    for each in rooms:
        assert each is not None
        reply = yield from client.ask(partial(_who_is_in, each))
        if isinstance(reply, Error):
            response.add(client.refused("WHO", reply))
            return
        people = client.network.live.members(each)
        fresh = [person for person in people if person.nick not in told]
        told.update(person.nick for person in fresh)
        yield client.stream(
            response, [_who_line(client, channel_of(each), person) for person in fresh]
        )
    if not rooms and not mask.startswith("#"):
        person = _find(client, mask)
        if person is not None:
            response.add(_who_line(client, "*", person))
    response.add(client.numeric("315", mask.lstrip(":") or "*", text="End of the list"))


def _who_is_in(room: str, number: int) -> Who:
    return Who(id=number, room=room)


def _who_line(client: IrcClient, channel: str, person: IrcPerson) -> str:
    shown = client.network.names.shown(person.nick)
    about = client.network.read_about(person.nick)
    flags = "G" if about and about.away else "H"
    flags += ("*" if person.moderates else "") + rank(person)
    real_name = about.real_name if about and about.real_name else person.nick
    return client.numeric(
        "352", channel, shown, SERVER, SERVER, shown, flags, text=f"0 {real_name}"
    )


def whois(client: IrcClient, line: Line, response: Response) -> Steps:
    """Return what is known of somebody."""
    yield from ()
    if not line.params:
        response.add(client.numeric("431", text="No nick was given"))
        return
    target = line.params[-1].split(",")[0]
    person = _find(client, target)
    if person is None:
        response.add(_nobody(client, target))
        response.add(client.numeric("318", target.lstrip(":") or "*", text="End of the answer"))
        return
    response.add(*_whois_lines(client, person))


def _whois_lines(client: IrcClient, person: IrcPerson) -> list[str]:
    shown = client.network.names.shown(person.nick)
    about = client.network.read_about(person.nick)
    real_name = about.real_name if about and about.real_name else person.nick
    lines = [client.numeric("311", shown, shown, SERVER, "*", text=real_name)]
    rooms = _shared_rooms(client, person)
    if rooms:
        lines.append(client.numeric("319", shown, text=" ".join(rooms)))
    lines.append(client.numeric("312", shown, SERVER, text="Backchannel"))
    if person.moderates:
        lines.append(client.numeric("313", shown, text="keeps order here"))
    if person.account is not None:
        account = client.network.names.shown(person.account)
        lines.append(client.numeric("330", shown, account, text="is logged in as"))
    if about is not None and about.away:
        lines.append(client.numeric("301", shown, text=about.away))
    if about is not None:
        idle = max(0, int(client.network.live.now() - about.spoke))
        text = "seconds idle, signed on at"
        lines.append(client.numeric("317", shown, str(idle), str(int(about.signed_on)), text=text))
    return [*lines, client.numeric("318", shown, text="End of the answer")]


def _shared_rooms(client: IrcClient, person: IrcPerson) -> list[str]:
    """The rooms that both are in: of the others nobody is told."""
    found = []
    for room in sorted(client.rooms):
        there = client.network.live.member(room, person.nick)
        if there is not None:
            found.append(rank(there) + channel_of(room))
    return found


def whowas(client: IrcClient, line: Line, response: Response) -> Steps:
    """Say that who was here is not kept."""
    yield from ()
    if not line.params:
        response.add(client.numeric("431", text="No nick was given"))
        return
    nick = line.params[0].lstrip(":") or "*"
    response.add(
        client.numeric("406", nick, text="It is not kept who was here"),
        client.numeric("369", nick, text="End of the answer"),
    )


def ison(client: IrcClient, line: Line, response: Response) -> Steps:
    """Return which of some people are here."""
    yield from ()
    if not line.params:
        response.add(client.numeric("461", "ISON", text="Nicks are missing"))
        return
    nicks = " ".join(line.params).split()
    response.add(client.numeric("303", text=" ".join(_here(client, nicks[:_ISON_LIMIT]))))


def _here(client: IrcClient, nicks: Sequence[str]) -> list[str]:
    people = [_find(client, nick) for nick in nicks]
    return [client.network.names.shown(person.nick) for person in people if person]


def userhost(client: IrcClient, line: Line, response: Response) -> Steps:
    """Return where some people are from: all from here, as addresses are not told."""
    yield from ()
    if not line.params:
        response.add(client.numeric("461", "USERHOST", text="Nicks are missing"))
        return
    found = []
    for nick in " ".join(line.params).split()[:_USERHOST_LIMIT]:
        person = _find(client, nick)
        if person is not None:
            shown = client.network.names.shown(person.nick)
            about = client.network.read_about(person.nick)
            operator, away = "*" if person.moderates else "", "-" if about and about.away else "+"
            found.append(f"{shown}{operator}={away}{shown}@{SERVER}")
    response.add(client.numeric("302", text=" ".join(found)))


def _find(client: IrcClient, shown: str) -> IrcPerson | None:
    network = client.network
    return network.live.person(network.names.nick(shown))


def _nobody(client: IrcClient, target: str) -> str:
    return client.numeric("401", target.lstrip(":") or "*", text="Nobody here is called so")
