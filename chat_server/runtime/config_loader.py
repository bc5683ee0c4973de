"""How the operator wants it: from the command line, else the environment, else a file.

Every value has one rule, wherever it comes from (`chat_server/runtime/settings.py`), and whoever
breaks it is told where it stood. All that is wrong is told at once, also of values that are
overruled.
"""

import difflib
import json
import os
import stat
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from platformdirs import user_config_path

from chat_server.runtime.errors import SettingError
from chat_server.runtime.setting_types import PASSWORD_LIMIT, Setting
from chat_server.runtime.settings import LIFTED_FOR_LAB, SETTINGS, Settings

# The client's variables, which begin with CHAT_ as well and are none of the server's business.
CLIENT_VARIABLES = frozenset(
    f"CHAT_{name}"
    for name in (
        *("SERVER", "NICK", "ROOM", "COLOR", "BELL", "TIME_FORMAT", "TIME_ZONE"),
        *("FINGERPRINT", "CA"),
    )
)

# How alike two names are of which one may be meant for the other: from 0 to 1.
_NEAR = 0.6
_MISSPELT = 0.85


@dataclass(frozen=True, slots=True)
class Config:
    """What was read.

    Attributes:
        settings: the values.
        sources: where those are from that were set, by the setting's name.
        file: the file that was read, or would have been.
        found: whether there is such a file.
        warnings: what is allowed, and perhaps not meant.
    """

    settings: Settings
    sources: Mapping[str, str]
    file: Path
    found: bool
    warnings: Sequence[str]


class _Found(NamedTuple):
    value: Any
    source: str


_Layer = dict[str, _Found]  # by the setting's name


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
        before: what counts until now, if the settings are read again. The file that it was read
            from must still be there: without it, a password and a list of denied addresses would
            be dropped in silence.

    Raises:
        SettingError: a value breaks its rule, or the file cannot be read or has what is not
            known.
    """
    problems: list[str] = []
    path = file or default_file()
    content = _read_file(path, problems)
    if content is None and before is not None and before.found:
        problems.append(
            f"there is no {path} any more, which the settings are from. Put it back, or restart "
            "the server to do without"
        )
    elif content is None and file is not None:
        problems.append(f"there is no {path}. Mend --config, or leave it out")
    layers = (
        _flags(flags, problems),
        _variables(environment, problems),
        _entries(path, content or {}, problems),
    )
    _lift_for_lab(layers)
    warnings = [*_empty_passwords(environment), *_misspelt(environment)]
    _read_password(layers, problems, warnings)
    chosen = {
        name: next(layer[name] for layer in layers if name in layer)
        for name in SETTINGS
        if any(name in layer for layer in layers)
    }
    settings = Settings(**{SETTINGS[name].field: found.value for name, found in chosen.items()})
    problems += _contradictions(settings)
    if problems:
        raise SettingError(*problems)
    sources = {name: found.source for name, found in chosen.items()}
    return Config(settings, sources, path, content is not None, warnings)


def shown(config: Config) -> str:
    """Return the settings as the file could hold them, and where each is from."""
    lines = [f"# {config.file}{'' if config.found else ' (there is no such file)'}"]
    for name, setting in SETTINGS.items():
        source = config.sources.get(name, "default")
        if setting.secret:
            lines.append(f"# {name} is not shown; from: {source}")
            continue
        lines.append(f"{entry(setting, config.settings)}  # {source}")
    return "\n".join(lines)


def entry(setting: Setting, settings: Settings) -> str:
    """Return one setting as its line in the file; of a secret only its name."""
    if setting.secret:
        return setting.name
    return f"{setting.name} = {_toml(setting.rule.write(getattr(settings, setting.field)))}"


# -- the layers, from what wins to what is overruled ----------------------------------------------


def _flags(flags: Mapping[str, Any], problems: list[str]) -> _Layer:
    layer: _Layer = {}
    for name, setting in SETTINGS.items():
        if flags.get(name) is not None and not setting.secret:
            _put(layer, setting, flags[name], setting.flag, setting.flag, problems)
    return layer


def _variables(environment: Mapping[str, str], problems: list[str]) -> _Layer:
    layer: _Layer = {}
    for setting in SETTINGS.values():
        text = environment.get(setting.variable)
        if not text:  # empty is as good as none
            continue
        many = setting.rule.kind == "many"
        value = [part.strip() for part in text.split(",")] if many else text
        _put(layer, setting, value, setting.variable, setting.variable, problems)
    return layer


def _entries(path: Path, content: Mapping[str, Any], problems: list[str]) -> _Layer:
    layer: _Layer = {}
    for name, value in content.items():
        setting = SETTINGS.get(name)
        if setting is None:
            problems.append(f"{path}: {name!r} cannot be set.{_nearest(name)}")
            continue
        if setting.secret:
            problems.append(
                f"{path}: {name!r} stands in no file of settings, which others may read. Set "
                f"{setting.variable}, or name a file for it alone with {name}_file"
            )
            continue
        if setting.rule.kind == "many" and not isinstance(value, list):
            value = [value]
        _put(layer, setting, value, f"{path}: {name}", str(path), problems)
        if name in layer and isinstance(layer[name].value, Path):  # is the file's, if relative
            layer[name] = _Found(path.absolute().parent / layer[name].value, str(path))
    return layer


def _put(
    layer: _Layer, setting: Setting, value: object, where: str, source: str, problems: list[str]
) -> None:
    try:
        layer[setting.name] = _Found(setting.rule.read(value), source)
    except ValueError as error:
        problems.append(f"{where}: {error}")


def _read_file(path: Path, problems: list[str]) -> Mapping[str, Any] | None:
    """What the file holds: nothing if that cannot be told, which is a problem; None if there is no
    such file.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):  # the latter for who is at home in /dev/null
        return None
    except OSError as error:
        problems.append(f"{path} cannot be read: {error.strerror}. Change its permissions")
    except (ValueError, RecursionError) as error:  # of tomllib and UTF-8
        problems.append(f"{path} is no TOML: {error}. Mend it")
    return {}


def _lift_for_lab(layers: Sequence[_Layer]) -> None:
    """Where `lab` is said, let it set what it stands for."""
    for layer in layers:
        lab = layer.get("lab")
        if lab is None:
            continue
        for name in LIFTED_FOR_LAB if lab.value else ():
            layer.setdefault(name, _Found(None, lab.source))
        return


def _read_password(layers: Sequence[_Layer], problems: list[str], warnings: list[str]) -> None:
    """Where a file is named for the password, and it is not said itself, let it be from there."""
    for layer in layers:
        file, said = layer.get("password_file"), layer.get("password")
        if file is not None and file.value is not None:
            if said is None:
                _put_password(layer, file, problems, warnings)
            else:
                problems.append(f"{said.source} and {file.source} are both set: leave one out")
        if file is not None or said is not None:
            return


def _put_password(layer: _Layer, file: _Found, problems: list[str], warnings: list[str]) -> None:
    where, path = file.source, file.value
    try:
        with path.open(encoding="utf-8-sig") as lines:
            line = lines.readline(PASSWORD_LIMIT + 2).rstrip("\r\n")
            mode = os.fstat(lines.fileno()).st_mode
    except OSError as error:
        problems.append(f"{where}: {path} cannot be read: {error.strerror}. Mend it")
        return
    except ValueError:
        problems.append(f"{where}: {path} is no text in UTF-8. Write the password into it")
        return
    if mode & stat.S_IROTH and os.name == "posix":
        warnings.append(f"{path} holds the password and can be read by others: chmod o= {path}")
    _put(layer, SETTINGS["password"], line, f"the first line of {path}", str(path), problems)


# -- what is wrong, or may be ---------------------------------------------------------------------


def _contradictions(settings: Settings) -> list[str]:
    """What each value allows, and all together do not."""
    if settings.patience <= settings.ping_interval:
        return [
            f"patience is {settings.patience:g} s and ping_interval {settings.ping_interval:g} s: "
            "nobody would be asked before being given up. Let patience be the longer"
        ]
    return []


def _nearest(name: str) -> str:
    near = difflib.get_close_matches(name, SETTINGS, 1, _NEAR)
    return f" Did you mean {near[0]!r}?" if near else " --print-config shows what can be."


def _misspelt(environment: Mapping[str, str]) -> list[str]:
    """Variables that look like ours. Others' begin with CHAT_ too, so that none is refused."""
    known = {setting.variable for setting in SETTINGS.values()}
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


def _toml(value: object) -> str:
    """A value as TOML, of which JSON's texts, numbers and arrays are a part but for U+007F."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
