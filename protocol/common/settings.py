"""Where settings come from: the command line, else the environment, else a file.

Server and client define their settings and what else holds among them; this reads the three
places. Every value has one rule, wherever it stands, and a mistake names the place. All mistakes
are collected, also those in values that are overruled.
"""

import difflib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from protocol.common.setting_rules import Rule

NEAR = 0.6
"""How alike two names are, from 0 to 1, of which one may be meant for the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One thing that can be set.

    Attributes:
        name: what it is called in the file; CHAT_NAME is its variable, --name its option.
        rule: what values it may have.
        secret: whether nobody may see it: then it has a variable, but neither an option nor a
            place in the file.
        typed: what it is called on the command line, where that is not --name.
        former: an earlier name, which goes on working as a variable and in the file; "" for none.
    """

    name: str
    rule: Rule[Any]
    secret: bool = False
    typed: str = ""
    former: str = ""

    @property
    def variable(self) -> str:
        """Its variable in the environment."""
        return f"CHAT_{self.name.upper()}"

    @property
    def variables(self) -> list[str]:
        """Its variable, and the one of its earlier name."""
        return [f"CHAT_{name.upper()}" for name in (self.name, self.former) if name]

    @property
    def flag(self) -> str:
        """Its option on the command line."""
        return self.typed or f"--{self.name.replace('_', '-')}"


class Found(NamedTuple):
    """A value that was set, and where: an option, a variable, or the path of the file."""

    value: Any
    source: str


Layer = dict[str, Found]
"""What one place sets, by the setting's name."""


class Sources:
    """What the three places set.

    Attributes:
        layers: one for each place, from the one that wins to the one that loses.
        problems: a sentence for each mistake.
        found: whether there is a file.
    """

    def __init__(
        self,
        definitions: Mapping[str, Setting],
        flags: Mapping[str, Any],
        environment: Mapping[str, str],
        path: Path,
    ) -> None:
        """
        Args:
            definitions: every setting, by its name.
            flags: what the command line says, by the setting's name: a text, a list of them where
                there may be many, a truth value for a switch; None for what it leaves open.
            environment: the variables; an empty one counts as not set.
            path: the file, which need not be there.
        """
        self.problems: list[str] = []
        self._definitions = definitions
        layers = [self._flags(flags), self._variables(environment)]
        content = self._read(path)
        self.found = content is not None
        self.layers = (*layers, self._entries(path, content or {}))

    def chosen(self) -> Layer:
        """Return what counts, in the order of the definitions; what nobody set is missing."""
        return {
            name: next(layer[name] for layer in self.layers if name in layer)
            for name in self._definitions
            if any(name in layer for layer in self.layers)
        }

    def put(self, layer: Layer, setting: Setting, value: object, where: str, source: str) -> None:
        """Check a value and put it into a layer, or note what is wrong with it.

        Args:
            layer: one of `layers`.
            setting: whose value it is.
            value: as it was typed, or as the file holds it.
            where: the place as a sentence about a mistake names it.
            source: the place as `--print-config` names it.
        """
        try:
            layer[setting.name] = Found(setting.rule.read(value), source)
        except ValueError as error:
            self.problems.append(f"{where}: {error}")

    def _flags(self, flags: Mapping[str, Any]) -> Layer:
        layer: Layer = {}
        for name, setting in self._definitions.items():
            if flags.get(name) is not None and not setting.secret:
                self.put(layer, setting, flags[name], setting.flag, setting.flag)
        return layer

    def _variables(self, environment: Mapping[str, str]) -> Layer:
        layer: Layer = {}
        for setting in self._definitions.values():
            variable = next((each for each in setting.variables if environment.get(each)), None)
            if variable is None:
                continue
            text = environment[variable]
            many = setting.rule.kind == "many"
            value = [part.strip() for part in text.split(",")] if many else text
            self.put(layer, setting, value, variable, variable)
        return layer

    def _entries(self, path: Path, content: Mapping[str, Any]) -> Layer:
        layer: Layer = {}
        former = {each.former: each for each in self._definitions.values()}
        for name, value in content.items():
            setting = self._definitions.get(name) or (former.get(name) if name else None)
            if setting is None:
                self.problems.append(f"{path}: {name!r} cannot be set.{self._nearest(name)}")
                continue
            if setting.secret:
                self.problems.append(
                    f"{path}: {name!r} stands in no file of settings, which others may read. Set "
                    f"{setting.variable}, or name a file for it alone with {name}_file"
                )
                continue
            if setting.rule.kind == "many" and not isinstance(value, list):
                value = [value]
            self.put(layer, setting, value, f"{path}: {name}", str(path))
            found = layer.get(setting.name)
            if found is not None and isinstance(found.value, Path):  # relative to the file
                layer[setting.name] = found._replace(value=path.absolute().parent / found.value)
        return layer

    def _read(self, path: Path) -> Mapping[str, Any] | None:
        """What the file holds: nothing if it cannot be read, which is a problem; None if there is
        no such file.
        """
        try:
            return tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except (FileNotFoundError, NotADirectoryError):  # the latter where HOME is /dev/null
            return None
        except OSError as error:
            self.problems.append(f"{path} cannot be read: {error.strerror}. Change its permissions")
        except (ValueError, RecursionError) as error:  # of tomllib and UTF-8
            self.problems.append(f"{path} is no TOML: {error}. Mend it")
        return {}

    def _nearest(self, name: str) -> str:
        near = difflib.get_close_matches(name, self._definitions, 1, NEAR)
        return f" Did you mean {near[0]!r}?" if near else " --print-config shows what can be."


def as_line(setting: Setting, value: object) -> str:
    """Return a setting as its line in the file; of a secret only its name."""
    if setting.secret:
        return setting.name
    return f"{setting.name} = {toml(setting.rule.write(value))}"


def heading(path: Path, found: bool) -> str:
    """Return the first line of what `--print-config` prints: which file, and if there is one."""
    return f"# {path}{'' if found else ' (there is no such file)'}"


def toml(value: object) -> str:
    """Return a value as TOML, of which JSON's texts, numbers and arrays are a part but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
