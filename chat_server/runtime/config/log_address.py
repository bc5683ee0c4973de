"""Where the logs of the rooms are kept: in SQLite, in the data folder, or in Redis."""

from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from protocol.common.setting_rules import Rule, Toml, as_text

SQLITE = "sqlite"
"""How it is written that the logs are kept in the data folder."""

REDIS_PORT, SENTINEL_PORT = 6379, 26379

_FORMS = (
    "redis://HOST:PORT/0, unix:///PATH?db=0, or redis+sentinel://HOST:PORT,HOST:PORT/NAME/0 with "
    "the addresses of sentinels and what they call the master, or "
    "redis+cluster://HOST:PORT,HOST:PORT with some nodes of a cluster; rediss for redis is with TLS"
)


class LogAddress(NamedTuple):
    """A Redis server, and which of its databases.

    Attributes:
        host: a name or an address; "" where there is a path, or there are sentinels.
        port: the port.
        database: the number of the database.
        user: whom to log in as; "" for the default user.
        tls: whether to speak TLS.
        path: of a Unix socket, or "".
        sentinels: hosts and ports of those that say where the master is.
        service: what they call it; "" without sentinels.
        nodes: hosts and ports of some nodes of a Redis Cluster.
    """

    host: str
    port: int
    database: int
    user: str = ""
    tls: bool = False
    path: str = ""
    sentinels: tuple[tuple[str, int], ...] = ()
    service: str = ""
    nodes: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        """The address as it is set, without any password."""
        user = f"{self.user}@" if self.user else ""
        if self.path:
            return f"unix://{user}{self.path}?db={self.database}"
        scheme = "rediss" if self.tls else "redis"
        if self.sentinels:
            places = ",".join(place(*each) for each in self.sentinels)
            return f"{scheme}+sentinel://{user}{places}/{self.service}/{self.database}"
        if self.nodes:
            places = ",".join(place(*each) for each in self.nodes)
            return f"{scheme}+cluster://{user}{places}"
        return f"{scheme}://{user}{place(self.host, self.port)}/{self.database}"

    def at(self, host: str, port: int) -> "LogAddress":
        """Return the address of one of the Redis servers that this leads to."""
        return self._replace(host=host, port=port, sentinels=(), service="", nodes=())


def place(host: str, port: int) -> str:
    """Return a host and a port as they are written together."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def log_address() -> Rule[LogAddress | None]:
    """The URL of a Redis server; None, written as "sqlite", for the data folder."""

    def write(value: LogAddress | None) -> Toml:
        return SQLITE if value is None else str(value)

    return Rule(read=_read, write=write, metavar="URL")


def _read(value: object) -> LogAddress | None:
    text = as_text(value)
    if text in ("", SQLITE):
        return None
    scheme, _, rest = text.partition("://")
    if scheme in ("redis+sentinel", "rediss+sentinel"):
        return _with_sentinels(text, rest, tls=scheme.startswith("rediss"))
    if scheme in ("redis+cluster", "rediss+cluster"):
        user, nodes = _places(text, rest.removesuffix("/"), REDIS_PORT)
        return LogAddress("", 0, 0, user, scheme.startswith("rediss"), nodes=nodes)
    try:
        url = urlsplit(text)
        host, port, secret = url.hostname or "", url.port, url.password
    except ValueError:  # it holds no port, or an address that is none
        raise _wrong(text) from None
    if secret is not None:
        raise _holds_password()
    user = unquote(url.username or "")
    if url.scheme == "unix":
        return LogAddress("", 0, _database_of_query(text, url.query), user, path=_path(text))
    if url.scheme not in ("redis", "rediss") or not host or url.query or url.fragment:
        raise _wrong(text)
    database = _number(text, url.path.removeprefix("/") or "0")
    return LogAddress(host, port or REDIS_PORT, database, user, url.scheme == "rediss")


def _with_sentinels(text: str, rest: str, *, tls: bool) -> LogAddress:
    """Read [USER@]HOST:PORT,HOST:PORT/NAME/DATABASE."""
    places, _, path = rest.partition("/")
    user, sentinels = _places(text, places, SENTINEL_PORT)
    service, _, database = path.partition("/")
    if not service or set(path) & set("?#") or service != "".join(service.split()):
        raise _wrong(text)
    return LogAddress(
        "",
        0,
        _number(text, database or "0"),
        user,
        tls,
        sentinels=sentinels,
        service=unquote(service),
    )


def _places(text: str, written: str, port: int) -> tuple[str, tuple[tuple[str, int], ...]]:
    """Read [USER@]HOST:PORT,HOST:PORT; return the user, and hosts and ports."""
    user, _, hosts = written.rpartition("@")
    if ":" in user:
        raise _holds_password()
    return unquote(user), tuple(_place_of(text, each, port) for each in hosts.split(","))


def _place_of(text: str, written: str, port: int) -> tuple[str, int]:
    try:
        url = urlsplit(f"//{written}")
        host, said = url.hostname, url.port
    except ValueError:  # it holds no port, or an address that is none
        raise _wrong(text) from None
    if not host or url.path or url.query or url.fragment:
        raise _wrong(text)
    return host, said or port


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


def _holds_password() -> ValueError:
    return ValueError(
        "the address holds a password, which others may read where it stands: leave it out "
        "there, and name a file for it with log_password_file, or set CHAT_LOG_PASSWORD"
    )


def _wrong(text: str) -> ValueError:
    return ValueError(f"this is {SQLITE!r}, or {_FORMS}, not {text!r}")
