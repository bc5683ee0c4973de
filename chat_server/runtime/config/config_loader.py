"""The server's settings, as the operator chose them: read, completed and checked as a whole.

`protocol/common/settings.py` reads the command line, the environment and the file. This adds what
one setting means for others: the limits that `no_limits` lifts, the file with the password, values
that contradict each other, and variables that look misspelt.
"""

import difflib
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from chat_server.runtime.config.setting_types import PASSWORD_LIMIT, Setting
from chat_server.runtime.config.settings import LIFTED_LIMITS, SETTINGS, Settings
from chat_server.runtime.errors import SettingError
from protocol.common.settings import Found, Layer, Sources, as_line, heading

CLIENT_VARIABLES = frozenset(
    f"CHAT_{name}"
    for name in (
        *("SERVER", "NICK", "ROOM", "COLOR", "BELL", "TIME_FORMAT", "TIME_ZONE"),
        *("FINGERPRINT", "CA"),
    )
)
"""The client's variables, which begin with CHAT_ as well and are none of the server's business."""

_MISSPELT = 0.85
"""How alike a variable and one of ours are, from 0 to 1, so that it may be misspelt."""


@dataclass(frozen=True, slots=True)
class Config:
    """What was read.

    Attributes:
        settings: the values.
        sources: where those are from that were set, by the setting's name.
        file: the file that was read, or would have been.
        found: whether there is such a file.
        warnings: a sentence for each value that is allowed but may be a mistake.
    """

    settings: Settings
    sources: Mapping[str, str]
    file: Path
    found: bool
    warnings: Sequence[str]


def default_file() -> Path:
    """Return where the file is looked for: ~/.config/backchannel/chat-server.toml on Linux."""
    return user_config_path("backchannel", appauthor=False) / "chat-server.toml"


def read(
    flags: Mapping[str, Any],
    environment: Mapping[str, str],
    file: Path | None = None,
    before: Config | None = None,
) -> Config:
    """Return every setting.

    Args:
        flags: what the command line says, by the setting's name: a text, a list of them where
            there may be many, a truth value for a switch; None for what it leaves open.
        environment: the variables.
        file: the file, which must be there; without it the default one, which need not.
        before: the settings so far, if this is a reload. Their file must still be there: without it
            a password and a list of denied addresses would be dropped in silence.

    Raises:
        SettingError: a value breaks its rule, the file cannot be read, or it has an unknown name.
    """
    path = file or default_file()
    sources = Sources(SETTINGS, flags, environment, path)
    problems = sources.problems
    if not sources.found and before is not None and before.found:
        problems.append(
            f"there is no {path} any more, which the settings are from. Put it back, or restart "
            "the server to do without"
        )
    elif not sources.found and file is not None:
        problems.append(f"there is no {path}. Mend --config, or leave it out")
    _lift_limits(sources.layers)
    warnings = [*_empty_passwords(environment), *_misspelt(environment)]
    for name in ("password", "log_password"):
        _read_password(sources, name, warnings)
    chosen = sources.chosen()
    settings = Settings(**{SETTINGS[name].field: found.value for name, found in chosen.items()})
    problems += _contradictions(settings)
    if problems:
        raise SettingError(*problems)
    named = {name: found.source for name, found in chosen.items()}
    return Config(settings, named, path, sources.found, warnings)


def shown(config: Config) -> str:
    """Return the settings as the file could hold them, and where each is from."""
    lines = [heading(config.file, config.found)]
    for name, setting in SETTINGS.items():
        source = config.sources.get(name, "default")
        if setting.secret:
            lines.append(f"# {name} is not shown; from: {source}")
            continue
        lines.append(f"{entry(setting, config.settings)}  # {source}")
    return "\n".join(lines)


def entry(setting: Setting, settings: Settings) -> str:
    """Return one setting as its line in the file; of a secret only its name."""
    return as_line(setting, getattr(settings, setting.field))


# -- what follows from what was read --------------------------------------------------------------


def _lift_limits(layers: Sequence[Layer]) -> None:
    """Where `no_limits` is set, set the limits that it lifts."""
    for layer in layers:
        found = layer.get("no_limits")
        if found is None:
            continue
        for name in LIFTED_LIMITS if found.value else ():
            layer.setdefault(name, Found(None, found.source))
        return


def _read_password(sources: Sources, name: str, warnings: list[str]) -> None:
    """Take a password from the file that a place names for it, if it holds no password."""
    for layer in sources.layers:
        file, said = layer.get(f"{name}_file"), layer.get(name)
        if file is not None and file.value is not None:
            if said is None:
                _put_password(sources, layer, name, file, warnings)
            else:
                sources.problems.append(
                    f"{said.source} and {file.source} are both set: leave one out"
                )
        if file is not None or said is not None:
            return


def _put_password(
    sources: Sources, layer: Layer, name: str, file: Found, warnings: list[str]
) -> None:
    where, path = file.source, file.value
    try:
        with path.open(encoding="utf-8-sig") as lines:
            line = lines.readline(PASSWORD_LIMIT + 2).rstrip("\r\n")
            mode = os.fstat(lines.fileno()).st_mode
    except OSError as error:
        sources.problems.append(f"{where}: {path} cannot be read: {error.strerror}. Mend it")
        return
    except ValueError:
        sources.problems.append(f"{where}: {path} is no text in UTF-8. Write the password into it")
        return
    if mode & stat.S_IROTH and os.name == "posix":
        warnings.append(f"{path} holds the password and can be read by others: chmod o= {path}")
    sources.put(layer, SETTINGS[name], line, f"the first line of {path}", str(path))


# -- what is wrong, or may be ---------------------------------------------------------------------


def _contradictions(settings: Settings) -> list[str]:
    """What each value allows, and all together do not."""
    if settings.log is not None and settings.sync == "full":
        return [
            "sync is 'full', which is for SQLite. In Redis that is for Redis to promise: set "
            "appendfsync always there, and leave sync out"
        ]
    if settings.patience <= settings.ping_interval:
        return [
            f"patience is {settings.patience:g} s and ping_interval {settings.ping_interval:g} s: "
            "nobody would be asked before being given up. Let patience be the longer"
        ]
    return []


def _misspelt(environment: Mapping[str, str]) -> list[str]:
    """Variables that look like ours. Others' begin with CHAT_ too, so that none is refused."""
    known = {variable for setting in SETTINGS.values() for variable in setting.variables}
    warnings = []
    for variable in sorted(set(environment) - known - CLIENT_VARIABLES):
        near = difflib.get_close_matches(variable, known, 1, _MISSPELT)
        if near and variable.startswith("CHAT_"):
            warnings.append(f"the variable {variable} sets nothing. Did you mean {near[0]}?")
    return warnings


def _empty_passwords(environment: Mapping[str, str]) -> list[str]:
    """Who sets a password to nothing may have meant to have one."""
    secret = (setting.variable for setting in SETTINGS.values() if setting.secret)
    return [
        f"{variable} is empty, which asks nobody for a password"
        for variable in secret
        if environment.get(variable) == ""
    ]
