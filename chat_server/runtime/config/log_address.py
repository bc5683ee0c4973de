"""Where the logs of the rooms are kept: in SQLite, in the data folder, or in Redis."""

from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from protocol.common.setting_rules import Rule, Toml, as_text

SQLITE = "sqlite"
"""How it is written that the logs are kept in the data folder."""

REDIS_PORT = 6379

_FORMS = "redis://HOST:PORT/0, rediss://HOST:PORT/0 with TLS, or unix:///PATH?db=0"


class LogAddress(NamedTuple):
    """A Redis server, and which of its databases.

    Attributes:
        host: a name or an address; "" where there is a path.
        port: the port.
        database: the number of the database.
        user: whom to log in as; "" for the default user.
        tls: whether to speak TLS.
        path: of a Unix socket, or "".
    """

    host: str
    port: int
    database: int
    user: str = ""
    tls: bool = False
    path: str = ""

    def __str__(self) -> str:
        """The address as it is set, without any password."""
        user = f"{self.user}@" if self.user else ""
        if self.path:
            return f"unix://{user}{self.path}?db={self.database}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"redis{'s' if self.tls else ''}://{user}{host}:{self.port}/{self.database}"


def log_address() -> Rule[LogAddress | None]:
    """The URL of a Redis server; None, written as "sqlite", for the data folder."""

    def write(value: LogAddress | None) -> Toml:
        return SQLITE if value is None else str(value)

    return Rule(read=_read, write=write, metavar="URL")


def _read(value: object) -> LogAddress | None:
    text = as_text(value)
    if text in ("", SQLITE):
        return None
    try:
        url = urlsplit(text)
        host, port, secret = url.hostname or "", url.port, url.password
    except ValueError:  # it holds no port, or an address that is none
        raise _wrong(text) from None
    if secret is not None:
        raise ValueError(
            "the address holds a password, which others may read where it stands: leave it out "
            "there, and name a file for it with log_password_file, or set CHAT_LOG_PASSWORD"
        )
    user = unquote(url.username or "")
    if url.scheme == "unix":
        return LogAddress("", 0, _database_of_query(text, url.query), user, path=_path(text))
    if url.scheme not in ("redis", "rediss") or not host or url.query or url.fragment:
        raise _wrong(text)
    database = _number(text, url.path.removeprefix("/") or "0")
    return LogAddress(host, port or REDIS_PORT, database, user, url.scheme == "rediss")


def _path(text: str) -> str:
    path = unquote(urlsplit(text).path)
    if not path.startswith("/"):
        raise _wrong(text)
    return path


def _database_of_query(text: str, query: str) -> int:
    asked = parse_qs(query)
    if set(asked) - {"db"}:
        raise _wrong(text)
    return _number(text, asked.get("db", ["0"])[0])


def _number(text: str, written: str) -> int:
    if not written.isascii() or not written.isdigit() or len(written) > 5:
        raise _wrong(text)
    return int(written)


def _wrong(text: str) -> ValueError:
    return ValueError(f"this is {SQLITE!r}, or {_FORMS}, not {text!r}")
