"""What the user can set: on the command line, else by a variable, else in a file.

`protocol/common/settings.py` reads the three places; a setting of the client is a line here.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from platformdirs import user_config_path

from chat_client.display.state.model import Bell
from chat_client.display.time_format import DEFAULT_FORMAT, Clock
from chat_client.errors import AddressError, SettingError
from chat_client.transport.addresses import parse_addresses
from protocol.common import settings
from protocol.common.setting_rules import Rule, one_of, path_or_none, switch, text
from protocol.common.settings import Sources, as_line, heading
from protocol.errors import value_check
from protocol.text import normalize_nick, normalize_room
from protocol.tls import parse_fingerprint, shown_fingerprint

COLOUR_MODES = ("auto", "always", "never")
BELL_MODES = get_args(Bell)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(settings.Setting):
    """One thing that can be set in the client.

    Attributes:
        default: its value unless one is set; an empty one stands for what the system says.
    """

    default: str = ""


def _room(value: str) -> str:
    return normalize_room(value.removeprefix("#"))


def _server(value: str) -> str:
    try:
        parse_addresses(value)
    except AddressError as error:
        raise ValueError(str(error)) from None
    return value


def _on_or_off(value: object) -> str:
    return "on" if switch().read(value) else "off"


def _fingerprint(value: str) -> str:
    """One fingerprint, or one for each address."""
    if not value:
        return ""
    return ",".join(shown_fingerprint(parse_fingerprint(each)) for each in value.split(","))


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


def _settings() -> Iterator[Setting]:
    yield Setting(name="server", rule=text(_server), typed="HOST")
    yield Setting(name="nick", rule=text(value_check(normalize_nick)))
    yield Setting(name="room", rule=text(value_check(_room)), default="lobby")
    yield Setting(name="password_file", rule=path_or_none())
    yield Setting(name="tls", rule=Rule(read=_on_or_off, write=str), default="off")
    yield Setting(name="fingerprint", rule=text(_fingerprint))
    yield Setting(name="ca", rule=text(str))
    yield Setting(name="color", rule=one_of(*COLOUR_MODES), default="auto")
    yield Setting(name="bell", rule=one_of(*BELL_MODES), default="on")
    yield Setting(name="time_format", rule=text(_time_format), default=DEFAULT_FORMAT)
    yield Setting(name="time_zone", rule=text(_time_zone))


SETTINGS = {each.name: each for each in _settings()}
"""What can be set, by its name in the file. An empty default stands for what the system
says; of `server`, for what answers on the network."""


@dataclass(frozen=True, slots=True)
class Value:
    """The value of a setting, and where it was set; `source` is empty for a default.

    Attributes:
        value: a text, or a path for the file of the password.
        source: an option, a variable or the path of the file.
    """

    value: Any
    source: str

    @property
    def is_typed(self) -> bool:
        """Whether it was set on the command line."""
        return self.source.startswith("--")


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
    sources = Sources(SETTINGS, flags, os.environ, config_file())
    if sources.problems:
        raise SettingError(". ".join(sources.problems))
    chosen = sources.chosen()
    return {
        name: Value(*chosen.get(name, (setting.default, ""))) for name, setting in SETTINGS.items()
    }


def shown(values: Mapping[str, Value]) -> str:
    """Return settings as the file could hold them, and where each is from."""
    path = config_file()
    lines = [heading(path, path.exists())]
    for name, each in values.items():
        if each.value:
            source = f"  # {each.source}" if each.source else ""
            lines.append(f"{as_line(SETTINGS[name], each.value)}{source}")
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
