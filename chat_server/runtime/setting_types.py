"""The rules that settings follow, and how a setting is defined by one.

A value is text where the command line or the environment holds it, and perhaps a number, a truth
value or an array where the file does. One rule reads all of them, and writes a value back as the
file could hold it. ValueError carries the rule, as a sentence that names the value.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from protocol.common.durations import parse_duration, write_duration
from protocol.errors import ProtocolError
from protocol.text import normalize_nick, normalize_text

Toml = str | int | float | bool | Sequence[str]
"""What the file can hold."""

NONE = "none"
"""How a limit is written that there is not."""

# Beyond anybody's needs, and far below what a clock or a database cannot count any more.
LARGEST = 10**12
LONGEST = 3650 * 86400.0
PASSWORD_LIMIT = 200

_COUNT = re.compile(r"[0-9]+")
_PORT = re.compile(r"[0-9]{1,5}")
_NUMBER = re.compile(r"[0-9]{1,18}(\.[0-9]{1,9})?")

Value = TypeVar("Value")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Generic[Value]):
    """What values a setting may have.

    Attributes:
        read: returns a value as it is used; raises ValueError with the rule. Of a list of values
            where there may be many, of one value else.
        write: returns a value as the file could hold it.
        metavar: what stands for a value in --help.
        kind: `many` for what can be given more than once, `switch` for what is on or off.
    """

    read: Callable[[Any], Value]
    write: Callable[[Value], Toml]
    metavar: str = ""
    kind: Literal["one", "many", "switch"] = "one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One thing that can be set.

    Attributes:
        field: its name in `Settings`.
        name: what it is called in the file; CHAT_NAME is its variable, --name its flag.
        rule: what it may be.
        help: what it does, as --help and the documentation say it.
        live: whether a running server takes a new value when it rereads its settings.
        rare: whether few people ever need it, so that --help names it last.
        secret: whether nobody may see it: it has a variable, but neither a flag nor a place in
            the file.
    """

    field: str
    name: str
    rule: Rule[Any]
    help: str
    live: bool
    rare: bool
    secret: bool

    @property
    def variable(self) -> str:
        """Its variable in the environment."""
        return f"CHAT_{self.name.upper()}"

    @property
    def flag(self) -> str:
        """Its option on the command line."""
        return f"--{self.name.replace('_', '-')}"


def setting(
    default: Value | Callable[[], Value],
    rule: Rule[Value],
    help: str,
    *,
    name: str = "",
    live: bool = False,
    rare: bool = False,
    secret: bool = False,
) -> Value:
    """Define a setting: the right-hand side of a field of `Settings`.

    Args:
        default: what it is unless it is set, or a function that says so.
        rule: what it may be.
        help: what it does: a phrase for --help and the documentation, its unit included.
        name: what it is called outside, if not as the field.
        live: whether a running server takes a new value (SIGHUP): it is read where it is used,
            from `parts.settings`, and never copied.
        rare: whether few people ever need it.
        secret: whether nobody may see it.
    """
    metadata = {"name": name, "rule": rule, "help": help}
    metadata |= {"live": live, "rare": rare, "secret": secret}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata, repr=not secret)


# -- rules ----------------------------------------------------------------------------------------


def whole(what: str, least: int = 1, most: int = LARGEST) -> Rule[int]:
    """A whole number; `what` begins the sentence: "a port"."""

    def read(value: object) -> int:
        text = _as_text(value)
        if not text.isascii() or not text.isdigit() or not least <= int(text[:19]) <= most:
            upto = f"from {least} to {most}" if most != LARGEST else f"from {least} on"
            raise ValueError(f"{what} is a number {upto}, not {value!r}")
        return int(text)

    return Rule(read=read, write=_same, metavar="N")


def rate(what: str) -> Rule[float]:
    """A number above 0, perhaps with a fraction."""

    def read(value: object) -> float:
        text = _as_text(value)
        if not _NUMBER.fullmatch(text) or not 0 < float(text) <= LARGEST:
            raise ValueError(f"{what} is a number above 0, not {value!r}")
        return float(text)

    return Rule(read=read, write=_same, metavar="N")


def seconds(what: str) -> Rule[float]:
    """A time above 0: so many seconds, or a number with a unit."""

    def read(value: object) -> float:
        try:
            return parse_duration(_as_text(value), bare=True, longest=LONGEST)
        except ValueError:
            raise ValueError(
                f"{what} is so many seconds, or a time such as 30s, 5m, 12h or 30d, of at most "
                f"{write_duration(LONGEST)}, not {value!r}"
            ) from None

    return Rule(read=read, write=write_duration, metavar="TIME")


def or_none(rule: Rule[Value]) -> Rule[Value | None]:
    """The same, or "none"."""

    def read(value: object) -> Value | None:
        if value == NONE:
            return None
        try:
            return rule.read(value)
        except ValueError as error:
            raise ValueError(f"{error}; {NONE!r} is no limit") from None

    def write(value: Value | None) -> Toml:
        return NONE if value is None else rule.write(value)

    return Rule(read=read, write=write, metavar=rule.metavar)


def one_of(*allowed: str) -> Rule[Any]:
    """One of a few words."""

    def read(value: Any) -> Any:
        if value not in allowed:
            raise ValueError(f"{value!r} is none of {', '.join(allowed)}")
        return value

    return Rule(read=read, write=_same, metavar="|".join(allowed))


def switch() -> Rule[bool]:
    """On or off."""
    words = {"true": True, "yes": True, "on": True, "1": True}
    words |= {"false": False, "no": False, "off": False, "0": False}

    def read(value: object) -> bool:
        if isinstance(value, bool):
            return value
        found = words.get(value.lower()) if isinstance(value, str) else None
        if found is None:
            raise ValueError(f"this is true or false, not {value!r}")
        return found

    return Rule(read=read, write=_same, kind="switch")


def text() -> Rule[str]:
    """A text that could be said in a room, or none."""

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError(f"this is a text, in quotes, not {value!r}")
        try:
            return normalize_text(value) if value else ""
        except ProtocolError as error:
            raise ValueError(error.text) from None

    return Rule(read=read, write=_same, metavar="TEXT")


def path(metavar: str = "PATH") -> Rule[Path]:
    """A file or a folder; ~ is the user's own."""

    def read(value: object) -> Path:
        if not isinstance(value, str) or not value or "\0" in value:
            raise ValueError(f"this is the path of a file or a folder, in quotes, not {value!r}")
        try:
            return Path(value).expanduser()
        except RuntimeError:
            raise ValueError(f"{value!r} is in the folder of nobody on this machine") from None

    return Rule(read=read, write=lambda path: str(path.absolute()), metavar=metavar)


def path_or_none(metavar: str = "PATH") -> Rule[Path | None]:
    """The same, or none, which is written as an empty text."""
    rule = path(metavar)

    def read(value: object) -> Path | None:
        return None if value == "" else rule.read(value)

    def write(value: Path | None) -> Toml:
        return "" if value is None else rule.write(value)

    return Rule(read=read, write=write, metavar=rule.metavar)


class Endpoint(NamedTuple):
    """A host and a port to listen on."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def endpoint_or_none() -> Rule[Endpoint | None]:
    """HOST:PORT, or a port of this machine alone; none is written as an empty text."""

    def read(value: object) -> Endpoint | None:
        text = _as_text(value)
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


def nick(value: str) -> str:
    """A nick, as the server writes it: one of those that `many` checks."""
    try:
        return normalize_nick(value)
    except ProtocolError as error:
        raise ValueError(error.text) from None


def many(
    check: Callable[[str], Item], metavar: str, *, write: Callable[[Item], str] = str,
    needed: bool = False,
) -> Rule[tuple[Item, ...]]:  # fmt: skip
    """Any number of texts, each of which `check` turns into what is used.

    Args:
        check: raises ValueError with the rule.
        metavar: what stands for one in --help.
        write: the other way round.
        needed: whether there must be one; an empty text is one then, and else says that there
            is none.
    """

    def read(values: Sequence[object]) -> tuple[Item, ...]:
        if needed and not values:
            raise ValueError("there must be at least one")
        return tuple(check(_quoted(value)) for value in values if value != "" or needed)

    def written(items: tuple[Item, ...]) -> Toml:
        return [write(item) for item in items]

    return Rule(read=read, write=written, metavar=metavar, kind="many")


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


def origin(text: str) -> str:
    """Return where a page comes from, for `many`: a scheme, a host, perhaps a port (RFC 6454)."""
    found = text.lower().rstrip("/")
    if not re.fullmatch(r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", found):
        raise ValueError(
            f"an origin is a scheme and a host, such as https://chat.example.org, not {text!r}"
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

    return Rule(read=read, write=_same)


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
        text = _as_text(value)
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


def _quoted(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"each of these is a text, in quotes, not {value!r}")
    return value


def _same(value: Any) -> Any:
    return value


def _as_text(value: object) -> str:
    """A number as it would be typed; nothing for what is neither text nor a number."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return ""
    return f"{value:.9f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
