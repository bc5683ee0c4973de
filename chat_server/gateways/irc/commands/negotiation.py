"""CAP and AUTHENTICATE, before and after the registration."""

from msgspec import UNSET

from chat_server.gateways.irc.client import IrcClient, Reply, Settled, Steps
from chat_server.gateways.irc.wire import capabilities
from chat_server.gateways.irc.wire.irc_lines import Line, build
from chat_server.gateways.irc.wire.names import SERVER
from chat_server.gateways.irc.wire.response import Response
from chat_server.gateways.irc.wire.sasl import Credentials, Exchange, TooLong, read_plain
from chat_server.identity.roles import Role
from protocol.errors import Code, ProtocolError
from protocol.messages import Login, Ok

_MECHANISMS = "PLAIN"


def cap(client: IrcClient, line: Line, response: Response) -> Steps:
    """Negotiate capabilities (IRCv3 capability-negotiation)."""
    yield from ()
    what = line.param(0).upper()
    if what == "LS":
        client.negotiating = client.negotiating or not client.registered
        client.cap_version = max(client.cap_version, _version(line.param(1)))
        if client.cap_version >= 302:
            client.has |= {capabilities.NOTIFY}
        response.add(_cap(client, "LS", capabilities.listed(client.cap_version)))
    elif what == "LIST":
        has = [name for name in capabilities.OFFERED if name in client.has]
        response.add(_cap(client, "LIST", " ".join(has)))
    elif what == "REQ":
        client.negotiating = client.negotiating or not client.registered
        asked = " ".join(line.params[1:])
        new = capabilities.changed(client.has, asked.split(), version=client.cap_version)
        if new is not None:
            client.has = new
        response.add(_cap(client, "NAK" if new is None else "ACK", asked))
    elif what == "END":
        client.negotiating = False
    else:
        text = "CAP has LS, LIST, REQ and END"
        response.add(client.numeric("410", what or "*", text=text))


def authenticate(client: IrcClient, line: Line, response: Response) -> Steps:
    """Log in to an account (IRCv3 sasl-3.2)."""
    piece = line.param(0)
    if not client.may(capabilities.SASL):
        response.add(client.numeric("904", text="Ask for the capability sasl first"))
    elif not piece:
        response.add(client.numeric("461", "AUTHENTICATE", text="A mechanism is missing"))
    elif client.login is not None:
        response.add(client.numeric("907", text="You have logged in already"))
    elif client.exchange is None:
        _begin(client, piece, response)
    else:
        yield from _go_on(client, client.exchange, piece, response)


def _begin(client: IrcClient, mechanism: str, response: Response) -> None:
    if mechanism == "*":
        response.add(client.numeric("906", text="There was nothing to abort"))
    elif mechanism.upper() not in _MECHANISMS.split():
        response.add(client.numeric("908", _MECHANISMS, text="are the mechanisms there are"))
        response.add(client.numeric("904", text="There is no such mechanism here"))
    else:
        client.exchange = Exchange()
        response.add(build("", "AUTHENTICATE", "+"))


def _go_on(client: IrcClient, exchange: Exchange, piece: str, response: Response) -> Steps:
    if piece == "*":
        client.exchange = None
        response.add(client.numeric("906", text="Logging in was aborted"))
        return
    try:
        encoded = exchange.feed(piece)
    except TooLong:
        client.exchange = None
        response.add(client.numeric("905", text="The message is too long"))
        return
    if encoded is None:
        return
    client.exchange = None
    found = read_plain(encoded)
    if found is None:
        text = "PLAIN is base64 of: nothing or the account, NUL, the account, NUL, the password"
        response.add(client.numeric("904", text=text))
    elif client.registered:
        yield from _log_in(client, found, response)
    else:
        _check(client, found, response)


def _check(client: IrcClient, found: Credentials, response: Response) -> None:
    """Before the registration: see that the password is right, which it comes in with."""
    try:
        account = client.network.live.authenticate(found.account, found.password, client.host)
    except ProtocolError as error:
        response.add(client.numeric("904", text=error.text))
        return
    if account is None:
        text = "There is no such account, or this is not its password"
        response.add(client.numeric("904", text=text))
        return
    client.login = Credentials(account, found.password)
    response.add(*_logged_in(client, account))


def _log_in(client: IrcClient, found: Credentials, response: Response) -> Steps:
    """After it: log in, and take the account's nick."""

    def settle(reply: Reply) -> Settled:
        if not isinstance(reply, Ok) or reply.account is UNSET or reply.nick is UNSET:
            text = getattr(reply, "text", "Logging in failed")
            if getattr(reply, "code", "") == Code.FORBIDDEN:
                text = "There is no such account, or this is not its password"
            return [client.numeric("904", text=text)]
        renamed = client.take_nick_locked(reply.nick)
        client.login = found
        client.moderates = reply.role != Role.MEMBER.word
        return [*renamed, *_logged_in(client, reply.account)]

    yield from client.send(
        lambda number: Login(id=number, password=found.password, account=found.account),
        response,
        settle,
        at_once=True,
    )


def _logged_in(client: IrcClient, account: str) -> list[str]:
    shown = client.network.names.shown(account)
    who = client.source if client.registered else f"*!*@{SERVER}"
    return [
        client.numeric("900", who, shown, text=f"You are logged in as {shown}"),
        client.numeric("903", text="Logging in succeeded"),
    ]


def _cap(client: IrcClient, what: str, text: str) -> str:
    return build(SERVER, "CAP", client.shown, what, text=text)


def _version(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 301
