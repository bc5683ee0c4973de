"""How a setting of the server is defined, and the rules that no other program needs.

The general rules are in `protocol/common/setting_rules.py`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple, TypeVar

from protocol.common import settings
from protocol.common.durations import parse_duration, write_duration
from protocol.common.setting_rules import LONGEST, Rule, Toml, as_text, switch, whole

PASSWORD_LIMIT = 200
"""Characters of the password that lets people in."""

NAME_LIMIT = 60
"""Characters of the name that the server has for people."""

AUTO = "auto"
"""How it is written that the server is to decide."""

_COUNT = re.compile(r"[0-9]+")
_PORT = re.compile(r"[0-9]{1,5}")

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(settings.Setting):
    """One thing that can be set on the server.

    Attributes:
        field: its name in `Settings`.
        help: what it does, as --help and the documentation say it.
        live: whether a running server takes a new value when it rereads its settings.
        rare: whether few people ever need it, so that --help names it last.
    """

    field: str
    help: str
    live: bool
    rare: bool


def setting(
    default: Value | Callable[[], Value],
    rule: Rule[Value],
    help: str,
    *,
    name: str = "",
    live: bool = False,
    rare: bool = False,
    secret: bool = False,
    former: str = "",
) -> Value:
    """Define a setting: the right-hand side of a field of `Settings`.

    Args:
        default: the value unless one is set, or a function that returns it.
        rule: what values it may have.
        help: what it does: a phrase for --help and the documentation, with its unit.
        name: what it is called outside, if not as the field.
        live: whether a running server takes a new value (SIGHUP): the code reads it where it uses
            it, from `parts.settings`, and never copies it.
        rare: whether few people ever need it.
        secret: whether nobody may see it.
        former: its earlier name, which goes on working and which nothing lists.
    """
    metadata = {"name": name, "rule": rule, "help": help, "former": former}
    metadata |= {"live": live, "rare": rare, "secret": secret}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata, repr=not secret)


# -- rules ----------------------------------------------------------------------------------------


class Endpoint(NamedTuple):
    """A host and a port to listen on."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def endpoint_or_none() -> Rule[Endpoint | None]:
    """HOST:PORT, or a port of this machine alone; none is written as an empty text."""

    def read(value: object) -> Endpoint | None:
        text = as_text(value)
        if not text:
            return None
        host, _, port = text.rpartition(":")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        in_brackets = bare != host
        if not _PORT.fullmatch(port) or int(port) > 65535 or (":" in bare) != in_brackets:
            raise ValueError(
                "this is HOST:PORT, such as 127.0.0.1:9100 or [::1]:9100, or a port of this "
                f"machine alone, such as 9100, not {value!r}"
            )
        return Endpoint(bare or "127.0.0.1", int(port))

    def write(value: Endpoint | None) -> Toml:
        return "" if value is None else str(value)

    return Rule(read=read, write=write, metavar="HOST:PORT")


def network(text: str) -> IPv4Network | IPv6Network:
    """Return a network, for `many`. IPv4 that is written as IPv6 is IPv4."""
    try:
        found = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            "a network is an address, or one with the length of its prefix, such as 10.1.0.0/16 "
            f"or fd00::/8, not {text!r}"
        ) from None
    written, _, length = text.partition("/")
    if length and found.network_address != ip_address(written):
        raise ValueError(f"{text!r} is an address in a network: did you mean {found}?")
    mapped = found.network_address.ipv4_mapped if isinstance(found, IPv6Network) else None
    if mapped is not None and found.prefixlen >= 96:
        return IPv4Network((mapped, found.prefixlen - 96))
    return found


def switch_or_auto() -> Rule[bool | None]:
    """On, off, or as the server thinks best, which is None and written as "auto"."""
    rule = switch()

    def read(value: object) -> bool | None:
        if value == AUTO:
            return None
        try:
            return rule.read(value)
        except ValueError:
            raise ValueError(f"this is true, false or {AUTO!r}, not {value!r}") from None

    def write(value: bool | None) -> Toml:
        return AUTO if value is None else value

    return Rule(read=read, write=write, kind="switch")


def label() -> Rule[str]:
    """A name for people, on one line; none is written as an empty text."""

    def read(value: object) -> str:
        if not isinstance(value, str) or len(value) > NAME_LIMIT or not value.isprintable():
            raise ValueError(
                f"a name is a text of at most {NAME_LIMIT} characters that show, on one line and "
                f"in quotes, not {value!r}"
            )
        return value.strip()

    return Rule(read=read, write=str, metavar="NAME")


_WEB_HOST = r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?"


def origin(text: str) -> str:
    """Return where a page comes from, for `many`: a scheme, a host, perhaps a port (RFC 6454)."""
    found = text.lower().rstrip("/")
    if not re.fullmatch(rf"https?://{_WEB_HOST}", found):
        raise ValueError(
            f"an origin is a scheme and a host, such as https://chat.example.org, not {text!r}"
        )
    return found


def web_host(text: str) -> str:
    """Return a host as a browser names it, for `many`: perhaps with a port."""
    found = text.lower()
    if not re.fullmatch(_WEB_HOST, found):
        raise ValueError(
            f"a server is named here as browsers do it, such as 10.0.0.7:7878, not {text!r}"
        )
    return found


def file_kind(text: str) -> str:
    """Return how the names of files end, for `many`: in small letters, without the dot."""
    found = text.lower().removeprefix(".")
    if not re.fullmatch(r"[a-z0-9]{1,10}", found):
        raise ValueError(
            f"a kind of file is the ending of its name, such as pdf or tar, not {text!r}"
        )
    return found


def password() -> Rule[str]:
    """A secret. What is wrong with one is told without it."""

    def read(value: str) -> str:
        if not 1 <= len(value) <= PASSWORD_LIMIT or not value.isprintable():
            raise ValueError(
                f"a password is a text of 1 to {PASSWORD_LIMIT} characters that show; for none, "
                "leave it out"
            )
        return value

    return Rule(read=read, write=lambda value: value)


@dataclass(frozen=True, slots=True)
class Keep:
    """How much of each room is kept; None is all.

    Attributes:
        messages: so many, the newest.
        seconds: none that is older.
    """

    messages: int | None = None
    seconds: float | None = None


def keep() -> Rule[Keep]:
    """An age, a number of messages, or both."""
    return Rule(read=_read_keep, write=_write_keep, metavar="AGE|COUNT", kind="many")


def _read_keep(values: Sequence[object]) -> Keep:
    messages: int | None = None
    age: float | None = None
    for value in values:
        text = as_text(value)
        try:
            if _COUNT.fullmatch(text):
                messages = whole("a number of messages").read(text)
            else:
                age = parse_duration(text, longest=LONGEST)
        except ValueError:
            raise ValueError(
                "what is kept is an age such as 30d, 12h or 45m, or a number of messages, not "
                f"{value!r}"
            ) from None
    return Keep(messages, age)


def _write_keep(kept: Keep) -> Toml:
    written = [] if kept.seconds is None else [write_duration(kept.seconds)]
    return written if kept.messages is None else [*written, str(kept.messages)]
