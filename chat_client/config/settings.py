"""How the user wants it: from the command line, else the environment, else a file, else as it is.

Every value has one rule, wherever it comes from, and who breaks it is told where it stood.
"""

import json
import os
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from platformdirs import user_config_path

from chat_client.display.model import Bell
from chat_client.display.time_format import DEFAULT_FORMAT, Clock
from chat_client.errors import AddressError, SettingError
from chat_client.transport.address import TcpAddress, parse_address
from protocol.errors import ProtocolError
from protocol.text import normalize_nick, normalize_room
from protocol.tls import parse_fingerprint, shown_fingerprint

COLOUR_MODES = ("auto", "always", "never")
BELL_MODES = get_args(Bell)


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be set.

    Attributes:
        default: what it is unless it is set.
        check: returns a value as it is used; raises ValueError with the rule for one that is
            none.
    """

    default: str
    check: Callable[[str], str]


def _one_of(*allowed: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"{value!r} is none of {', '.join(allowed)}")
        return value

    return check


def _by_protocol(rule: Callable[[str], str]) -> Callable[[str], str]:
    def check(value: str) -> str:
        try:
            return rule(value)
        except ProtocolError as error:
            raise ValueError(error.text) from None

    return check


def _room(value: str) -> str:
    return normalize_room(value.removeprefix("#"))


def _server(value: str) -> str:
    try:
        parse_address(value)
    except AddressError as error:
        raise ValueError(str(error)) from None
    return value


def _switch(value: str) -> str:
    if value.lower() in ("on", "true", "yes", "1"):
        return "on"
    if value.lower() in ("off", "false", "no", "0", ""):
        return "off"
    raise ValueError(f"{value!r} is neither on nor off")


def _fingerprint(value: str) -> str:
    return shown_fingerprint(parse_fingerprint(value)) if value else ""


def _time_format(value: str) -> str:
    if not value.isprintable():
        raise ValueError(f"{value!r} holds what cannot be shown: a format is like %H:%M")
    return value


def _time_zone(value: str) -> str:
    try:
        Clock(zone=value)
    except (OSError, ValueError, LookupError):
        raise ValueError(f"{value!r} is no time zone: one is Europe/Berlin or UTC") from None
    return value


SETTINGS: dict[str, Setting] = {
    "server": Setting(str(TcpAddress()), _server),
    "nick": Setting("", _by_protocol(normalize_nick)),
    "room": Setting("lobby", _by_protocol(_room)),
    "password_file": Setting("", str),
    "tls": Setting("off", _switch),
    "fingerprint": Setting("", _fingerprint),
    "ca": Setting("", str),
    "color": Setting("auto", _one_of(*COLOUR_MODES)),
    "bell": Setting("on", _one_of(*BELL_MODES)),
    "time_format": Setting(DEFAULT_FORMAT, _time_format),
    "time_zone": Setting("", _time_zone),
}
"""What can be set, by its name in the file. An empty default stands for what the system says."""


@dataclass(frozen=True, slots=True)
class Value:
    """What a setting is, and where that was said; `source` is empty for a default."""

    value: str
    source: str


def config_file() -> Path:
    """Return where the file is looked for."""
    return user_config_path("backchannel", appauthor=False) / "chat-client.toml"


def read(flags: Mapping[str, str | None]) -> dict[str, Value]:
    """Return every setting.

    Args:
        flags: what the command line says, by the setting's name; None for what it leaves open.

    Raises:
        SettingError: a value breaks its rule, or the file has one that is not known.
    """
    path = config_file()
    from_file = _read_file(path)
    found: dict[str, Value] = {}
    for name, setting in SETTINGS.items():
        flag, variable = flags.get(name), f"CHAT_{name.upper()}"
        if flag is not None:
            found[name] = _checked(setting, flag, "")
        elif os.environ.get(variable):  # empty is as good as none
            found[name] = _checked(setting, os.environ[variable], variable)
        else:
            found[name] = from_file.get(name, Value(setting.default, ""))
    return found


def shown(values: Mapping[str, Value]) -> str:
    """Return settings as the file could hold them, and where each is from."""
    path = config_file()
    lines = [f"# {path}{'' if path.exists() else ' (there is no such file)'}"]
    for name, each in values.items():
        if each.value:
            source = f"  # {each.source}" if each.source else ""
            lines.append(f"{name} = {json.dumps(each.value)}{source}")
    return "\n".join(lines)


def colours(mode: str) -> int:
    """Return how many colours to use on stdout: 256, 16, or 0 for none.

    Args:
        mode: one of COLOUR_MODES.
    """
    terminal = os.environ.get("TERM", "")
    auto = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and terminal != "dumb"
    if mode == "never" or (mode == "auto" and not auto):
        return 0
    many = "256" in terminal or "COLORTERM" in os.environ or sys.platform == "win32"
    return 256 if many else 16


def _checked(setting: Setting, value: str, source: str) -> Value:
    try:
        return Value(setting.check(value), source)
    except ValueError as error:
        raise SettingError(f"{source}: {error}" if source else str(error)) from None


def _read_file(path: Path) -> dict[str, Value]:
    """What the file sets, all of it checked: also what is overruled is no place for a mistake."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:  # of tomllib and UTF-8, too
        raise SettingError(f"{path} cannot be read: {error}. Mend it, or remove it") from None
    values: dict[str, Value] = {}
    for name, value in content.items():
        if name not in SETTINGS:
            known = ", ".join(SETTINGS)
            raise SettingError(f"{path}: {name!r} cannot be set. What can be: {known}")
        if isinstance(value, bool):
            value = "on" if value else "off"
        if not isinstance(value, str):
            raise SettingError(f"{path}: {name} = {value!r} is no text: write it in quotes")
        values[name] = _checked(SETTINGS[name], value, f"{path}: {name}")
    return values
