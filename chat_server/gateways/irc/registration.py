"""Registration: what a client says before it is let in, in any order, and how it comes in."""

from collections.abc import Callable

from chat_server.gateways.gateway import OwnReply
from chat_server.gateways.irc.client import IrcClient, Steps
from chat_server.gateways.irc.commands.negotiation import authenticate, cap
from chat_server.gateways.irc.commands.person import unwritable
from chat_server.gateways.irc.commands.server_queries import lusers_lines, ping
from chat_server.gateways.irc.welcome import REAL_NAME_LIMIT, message_of_the_day
from chat_server.gateways.irc.wire.irc_lines import Line, build, encoded
from chat_server.gateways.irc.wire.names import is_writable
from chat_server.gateways.irc.wire.response import Response
from protocol import VERSION
from protocol.errors import Code, ProtocolError
from protocol.messages import Hello

CLIENT = "irc"
"""What an IRC client is called in its hello."""


class Registration:
    """How far one client is. Its connection's thread alone uses it."""

    def __init__(self, client: IrcClient) -> None:
        self._client = client
        self._password: str | None = None
        self._nick = ""
        self._user = ""

    def take(self, line: Line, response: Response) -> Steps:
        """Do what a line says, and try to come in when all is said."""
        command = _COMMANDS.get(line.command)
        if command is None:
            text = "You have not registered: send NICK and USER first"
            response.add(self._client.numeric("451", text=text))
            return
        yield from command(self, line, response)
        client = self._client
        if self._nick and self._user and not client.negotiating:
            if response_bytes := response.end():
                yield OwnReply(response_bytes)
            yield from self._come_in()

    def _come_in(self) -> Steps:
        client = self._client
        account, account_password, password = self._credentials()
        client.wanted, client.hides_refusal = account or self._nick, account is not None
        yield Hello(
            version=VERSION,
            nick=account or self._nick,
            client=CLIENT,
            password=password,
            account_password=account_password,
        )
        self._nick = ""  # a nick that was refused is to be followed by another
        if not client.registered:
            if client.hides_refusal:
                text = "the account and its password do not go together"
                raise ProtocolError(Code.BAD_PASSWORD, text)
            return
        client.enter(self._user)
        lines = [*lusers_lines(client), *message_of_the_day(client)]
        yield OwnReply(encoded(lines))

    def _credentials(self) -> tuple[str | None, str | None, str | None]:
        """The account to log in to, its password, and that of the server."""
        login = self._client.login
        if login is not None:
            return login.account, login.password, self._password
        account, colon, secret = (self._password or "").partition(":")
        if colon and self._client.network.live.has_account(account):
            return account, secret, None
        return None, None, self._password

    # -- commands

    def _cap(self, line: Line, response: Response) -> Steps:
        yield from cap(self._client, line, response)

    def _authenticate(self, line: Line, response: Response) -> Steps:
        yield from authenticate(self._client, line, response)

    def _pass(self, line: Line, response: Response) -> Steps:
        yield from ()
        if not line.param(0):
            response.add(self._client.numeric("461", "PASS", text="A password is missing"))
            return
        self._password = line.param(0)

    def _nick_wanted(self, line: Line, response: Response) -> Steps:
        yield from ()
        nick = line.param(0)
        if not nick:
            response.add(self._client.numeric("431", text="No nick was given"))
        elif not is_writable(nick):
            response.add(unwritable(self._client, nick))
        else:
            self._nick = nick

    def _user_named(self, line: Line, response: Response) -> Steps:
        yield from ()
        if len(line.params) < 4 or not line.params[0] or not line.params[3]:
            text = "USER takes a name, two words that are not used, and a real name"
            response.add(self._client.numeric("461", "USER", text=text))
            return
        self._user = line.params[3][:REAL_NAME_LIMIT]

    def _quit(self, _: Line, __: Response) -> Steps:
        bye = build("", "ERROR", text="Closing link: (Client quit)")
        yield OwnReply(encoded([bye]), ends=Code.BYE)

    def _ping(self, line: Line, response: Response) -> Steps:
        yield from ping(self._client, line, response)

    def _pong(self, _: Line, __: Response) -> Steps:
        yield from ()


_COMMANDS: dict[str, Callable[[Registration, Line, Response], Steps]] = {
    "CAP": Registration._cap,
    "AUTHENTICATE": Registration._authenticate,
    "PASS": Registration._pass,
    "NICK": Registration._nick_wanted,
    "USER": Registration._user_named,
    "QUIT": Registration._quit,
    "PING": Registration._ping,
    "PONG": Registration._pong,
}
