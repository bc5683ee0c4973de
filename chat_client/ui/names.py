"""The user's nick at a terminal: the client asks once and remembers it, or asks for another."""

from itertools import islice

from chat_client.api.chat import free_nick, login_nick
from chat_client.config import streams
from chat_client.display.terminal_lines import Lines
from chat_client.display.text import one_line
from chat_client.errors import Refused
from chat_client.events import Event, Trusted
from chat_client.files import user_files
from chat_client.session.hello import Credentials, nick_guesses
from chat_client.transport.addresses import Addresses
from chat_client.transport.trace import Trace
from protocol.errors import ProtocolError
from protocol.text import normalize_nick


def own(servers: Addresses, credentials: Credentials, trace: Trace | None = None) -> str:
    """Return the nick of an earlier run. Without one, ask and remember the answer.

    Raises:
        ChatError: the server cannot be reached, or lets nobody in.
        KeyboardInterrupt: the user would rather leave.
    """
    nick = _checked(user_files.read_nick())
    if nick is None:
        usual = free_nick(servers, nick_guesses(login_nick()), credentials.password, _hear, trace)
        nick = _ask(f"your name here (Enter: {one_line(usual)}): ", usual)
        user_files.write_nick(nick)
    return nick


def another(
    refusal: Refused,
    servers: Addresses,
    nick: str,
    credentials: Credentials,
    trace: Trace | None = None,
) -> str:
    """Ask for another nick because `nick` is taken. Enter takes a free one that is offered.

    Raises:
        ChatError: the server is gone.
        KeyboardInterrupt: the user would rather leave.
    """
    others = islice(nick_guesses(nick), 1, None)
    free = free_nick(servers, others, credentials.password, _hear, trace)
    streams.tell(f"chat-client: {one_line(str(refusal))}")
    streams.tell("If it is your account's: Ctrl-C, and start with --login")
    return _ask(f"another name (Enter: {one_line(free)}): ", free)


def _hear(event: Event) -> None:
    if isinstance(event, Trusted):
        streams.tell(Lines(0).of(event, "", None) or "")


def _ask(question: str, usual: str) -> str:
    while True:
        try:
            answer = input(question).strip()
        except EOFError:  # Ctrl-D
            print()
            raise KeyboardInterrupt from None
        nick = _checked(answer or usual, tell=True)
        if nick is not None:
            return nick


def _checked(nick: str, *, tell: bool = False) -> str | None:
    """Return a nick as the server writes it; None if it is not valid."""
    try:
        return normalize_nick(nick)
    except ProtocolError as error:
        if tell:
            streams.tell(f"chat-client: {one_line(error.text)}")
        return None
