"""What a client says of itself: NICK, AWAY, SETNAME, OPER, QUIT."""

from msgspec import UNSET

from chat_server.gateways.irc.client import IrcClient, Reply, Settled, Steps
from chat_server.gateways.irc.network import Relay
from chat_server.gateways.irc.welcome import REAL_NAME_LIMIT
from chat_server.gateways.irc.wire import capabilities
from chat_server.gateways.irc.wire.irc_lines import Line, build
from chat_server.gateways.irc.wire.names import is_writable
from chat_server.gateways.irc.wire.response import Response
from protocol.errors import Code, ProtocolError
from protocol.messages import Bye, Claim, Error, Nick, Ok
from protocol.text import REASON_LIMIT


def nick(client: IrcClient, line: Line, response: Response) -> Steps:
    """Take another nick."""
    wanted = line.param(0)
    if not wanted:
        response.add(client.numeric("431", text="No nick was given"))
        return
    if not is_writable(wanted):
        response.add(unwritable(client, wanted))
        return

    def settle(reply: Reply) -> Settled:
        if isinstance(reply, Ok) and reply.nick is not UNSET:
            return client.take_nick_locked(reply.nick)
        assert isinstance(reply, Error)
        numeric = {
            Code.NICK_IN_USE: "433",
            Code.BAD_NICK: "432",
            Code.FORBIDDEN: "432",
        }.get(Code(reply.code))
        if numeric is None:
            return [client.refused("NICK", reply)]
        return [client.numeric(numeric, wanted, text=reply.text)]

    yield from client.send(
        lambda number: Nick(id=number, nick=wanted), response, settle, at_once=True
    )


def unwritable(client: IrcClient, wanted: str) -> str:
    """Return why a client cannot be called so."""
    shown = "".join(sign if sign.isprintable() and sign != " " else "_" for sign in wanted)
    text = (
        "A nick has 1 to 32 characters, none of them a blank , * ? ! or @, does not begin with a "
        "digit, nor with : # & $ ~ % or +, and is not the server's name"
    )
    return client.numeric("432", shown.lstrip(":") or "*", text=text)


def again(client: IrcClient, _: Line, response: Response) -> Steps:
    """Refuse what is said once, before the registration: PASS and USER."""
    yield from ()
    response.add(client.numeric("462", text="You have registered already"))


def away(client: IrcClient, line: Line, response: Response) -> Steps:
    """Say that one is away, or back. IRC clients alone are told."""
    yield from ()
    why = line.param(0)[:REASON_LIMIT] or None
    if why and not _may_speak(client, "AWAY", response):
        return
    client.profile.about = client.profile.about._replace(away=why)
    text = "You are marked as away" if why else "You are no longer marked as away"
    response.add(client.numeric("306" if why else "305", text=text))
    line_for_others = build(client.source, "AWAY", text=why)
    _tell_neighbours(client, line_for_others, capabilities.AWAY)


def setname(client: IrcClient, line: Line, response: Response) -> Steps:
    """Change one's real name (IRCv3 setname)."""
    yield from ()
    name = line.param(0)
    if not name.strip():
        response.add(client.numeric("461", "SETNAME", text="A real name is missing"))
        return
    if len(name) > REAL_NAME_LIMIT:
        text = f"A real name has at most {REAL_NAME_LIMIT} characters, this one has {len(name)}"
        response.add(client.refusal("SETNAME", "INVALID_REALNAME", text))
        return
    if not _may_speak(client, "SETNAME", response):
        return
    client.profile.about = client.profile.about._replace(real_name=name)
    changed = build(client.source, "SETNAME", text=name)
    if client.may(capabilities.SETNAME):
        response.add(changed)
    _tell_neighbours(client, changed, capabilities.SETNAME)


def _may_speak(client: IrcClient, command: str, response: Response) -> bool:
    """Whether a text of the client may reach others by a command; say why not."""
    try:
        client.network.live.check_voice(client.nick, None, client.host)
    except ProtocolError as error:
        response.add(client.refusal(command, error.code, error.text))
        return False
    return True


def _tell_neighbours(client: IrcClient, line: str, needs: str) -> None:
    """Send a line to those who are in a room with the client, where it may speak."""
    with client.lock:
        joined = tuple(client.rooms)
    rooms = [room for room in joined if not client.is_silent(room)]
    now = client.network.live.now()
    client.network.tell(rooms, (), Relay(line=line, needs=needs, nick=client.nick, time=now))


def oper(client: IrcClient, line: Line, response: Response) -> Steps:
    """Become an owner, with the secret that the server showed at its first start."""
    if len(line.params) < 2:
        response.add(client.numeric("461", "OPER", text="Write OPER owner SECRET"))
        return

    def settle(reply: Reply) -> Settled:
        if isinstance(reply, Ok):
            return [client.numeric("381", text="You are an owner of this server now")]
        assert isinstance(reply, Error)
        if reply.code == Code.FORBIDDEN:
            return [client.numeric("464", text=reply.text)]
        return [client.refused("OPER", reply)]

    if line.params[0].lower() != "owner":
        response.add(client.numeric("491", text="There is but one way: OPER owner SECRET"))
        return
    secret = line.params[1]
    yield from client.send(lambda number: Claim(id=number, secret=secret), response, settle)


def quit(client: IrcClient, line: Line, _: Response) -> Steps:
    """Leave. The nick is free at once."""
    client.note_reason("", line.param(0))
    yield from client.ask(lambda number: Bye(id=number))
