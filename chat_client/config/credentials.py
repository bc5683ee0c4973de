"""Passwords: from a file, from the environment, or asked for. Never on the command line, where
everybody on the machine can read them.
"""

import getpass
import os
import sys
from collections.abc import Callable
from pathlib import Path

from chat_client.config import streams
from chat_client.config.settings import Value
from chat_client.display.text import one_line
from chat_client.errors import ChatError, Refused, SettingError
from chat_client.session.hello import Credentials
from chat_client.transport.address import TcpAddress, TlsAddress
from chat_client.transport.addresses import Addresses
from protocol.errors import Code

SERVER_VARIABLE = "CHAT_PASSWORD"
ACCOUNT_VARIABLE = "CHAT_ACCOUNT_PASSWORD"

EXPOSED = "not encrypted: others on the network can read it"
"""Said where a password is asked for."""

_YOURS = "password of your account"

_THIS_MACHINE = ("localhost", "::1")

_TRIES = 3
"""How often a password is asked for."""

_ELSEWHERE: dict[str, str] = {
    Code.BAD_PASSWORD: f"The server's password is given by --password-file or {SERVER_VARIABLE}",
    Code.NICK_IN_USE: "If it is your account's, --login asks for its password, and "
    f"{ACCOUNT_VARIABLE} gives it",
}
"""What to do where nobody can be asked."""


def is_exposed(servers: Addresses) -> bool:
    """Whether others on the network could read what is sent to one of them: there is no TLS."""
    plain = (each for each in servers if isinstance(each, TcpAddress))
    return any(
        each.host.lower() not in _THIS_MACHINE and not each.host.startswith("127.")
        for each in plain
        if not isinstance(each, TlsAddress)
    )


def known(file: Value, login: bool, servers: Addresses) -> Credentials:
    """Return the passwords that are to be had without a connection.

    Args:
        file: the setting that names the file with the server's password.
        login: whether to ask for the account's, if the environment does not have it.
        servers: where it will be sent.

    Raises:
        SettingError: the file cannot be read.
        ChatError: there is nobody to be asked.
    """
    password = os.environ.get(SERVER_VARIABLE) or None
    if file.value and (file.is_typed or password is None):
        password = _read(file.value)
    account_password = os.environ.get(ACCOUNT_VARIABLE) or None
    if login and account_password is None:
        if not _can_ask():
            raise ChatError(
                "--login asks for a password, and this is no terminal: give it by the variable "
                f"{ACCOUNT_VARIABLE}"
            )
        account_password = _ask(_YOURS, servers)
    return Credentials(password, account_password)


def with_password(run: Callable[[Credentials], int], known: Credentials, servers: Addresses) -> int:
    """Run a chat; where the server wants a password, ask for it, and run it again.

    Args:
        run: runs it, and returns an exit code.
        known: the passwords so far.
        servers: where they are sent.

    Raises:
        ChatError: as `run` does. What a password could mend says how.
    """
    tries = _TRIES
    while True:
        try:
            return run(known)
        except Refused as error:
            if not tries or not _asked_again(error, known, servers):
                raise _advised(error) from None
        tries -= 1


def _asked_again(error: Refused, known: Credentials, servers: Addresses) -> bool:
    """Whether another password was typed, of those that the server did not take."""
    if not _can_ask():
        return False
    if error.code == Code.BAD_PASSWORD:
        if known.password is not None:
            _tell(error)
        known.password = _ask("password of the server", servers)
        return bool(known.password)
    if error.code == Code.NICK_IN_USE and known.account_password is not None:
        _tell(error)
        known.account_password = _ask(_YOURS, servers)
        return bool(known.account_password)
    return False


def _advised(error: Refused) -> ChatError:
    advice = _ELSEWHERE.get(error.code)
    return ChatError(f"{str(error).rstrip(' .')}. {advice}") if advice else error


def _can_ask() -> bool:
    """Whether somebody sits there; one who reads the question, too."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def _ask(what: str, servers: Addresses) -> str:
    """Ask without showing the answer; it is empty where there is none."""
    warning = f" ({EXPOSED})" if is_exposed(servers) else ""
    try:
        return getpass.getpass(f"{what}{warning}: ", sys.stderr)
    except EOFError:  # Ctrl-D
        streams.tell("")
        return ""


def _tell(error: Refused) -> None:
    streams.tell(f"chat-client: {one_line(str(error))}")


def _read(path: Path) -> str:
    """The first line of a file."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise SettingError(f"the password cannot be read from {path}: {error.strerror}") from None
    except ValueError:
        raise SettingError(f"the password cannot be read from {path}: it is no UTF-8") from None
    if not lines or not lines[0]:
        raise SettingError(f"{path} holds no password: it is to be its first line")
    return lines[0]
