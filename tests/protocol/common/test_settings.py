"""The loader that server and client share: three places, one rule for each value."""

from pathlib import Path
from typing import Any

import pytest

from protocol.common.setting_rules import many, path, switch, text, whole
from protocol.common.settings import Found, Setting, Sources, as_line, heading

DEFINITIONS = {
    each.name: each
    for each in (
        Setting(name="port", rule=whole("a port", 0, 65535)),
        Setting(name="nick", rule=text(str), typed="NICK"),
        Setting(name="rooms", rule=many(str, "ROOM")),
        Setting(name="tls", rule=switch()),
        Setting(name="log_file", rule=path()),
        Setting(name="password", rule=text(str), secret=True),
    )
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "chat.toml"


def read(file: Path, flags: dict[str, Any] | None = None, /, **variables: str) -> Sources:
    return Sources(DEFINITIONS, flags or {}, variables, file)


def test_the_command_line_wins_then_the_environment_then_the_file(file: Path) -> None:
    """And each value says where it is from."""
    file.write_text('port = 1\nnick = "file"\nrooms = "one"\nlog_file = "log"')
    sources = read(file, {"port": "3", "tls": None}, CHAT_PORT="2", CHAT_NICK="variable")
    assert sources.problems == []
    assert sources.found
    assert sources.chosen() == {
        "port": Found(3, "--port"),
        "nick": Found("variable", "CHAT_NICK"),
        "rooms": Found(("one",), str(file)),
        "log_file": Found(file.parent / "log", str(file)),
    }


def test_nothing_need_be_set(file: Path) -> None:
    """No file is no mistake, and an empty variable counts as none."""
    sources = read(file, CHAT_PORT="", CHAT_ROOMS="")
    assert (sources.chosen(), sources.found, sources.problems) == ({}, False, [])


def test_every_mistake_is_told_with_its_place(file: Path) -> None:
    """Also of values that are overruled."""
    file.write_text('port = 70000\nprot = 1\npassword = "x"\nxyzzy = 1\nnick = 5')
    problems = read(file, {"port": "1", "nick": 5}, CHAT_TLS="perhaps").problems
    assert problems == [
        "NICK: this is a text, in quotes, not 5",
        "CHAT_TLS: this is true or false, not 'perhaps'",
        f"{file}: port: a port is a number from 0 to 65535, not 70000",
        f"{file}: 'prot' cannot be set. Did you mean 'port'?",
        f"{file}: 'password' stands in no file of settings, which others may read. Set "
        "CHAT_PASSWORD, or name a file for it alone with password_file",
        f"{file}: 'xyzzy' cannot be set. --print-config shows what can be.",
        f"{file}: nick: this is a text, in quotes, not 5",
    ]


def test_a_secret_has_a_variable_alone(file: Path) -> None:
    """No option, which others on the machine could read, and its line does not show it."""
    assert read(file, {"password": "hush"}).chosen() == {}
    assert read(file, CHAT_PASSWORD="hush").chosen()["password"].value == "hush"
    assert as_line(DEFINITIONS["password"], "hush") == "password"


def test_a_file_that_cannot_be_read_is_one_problem(file: Path, tmp_path: Path) -> None:
    """The rest of the settings is still checked."""
    file.write_bytes(b"port = \xff")
    problems = read(file, CHAT_PORT="x").problems
    assert len(problems) == 2
    assert problems[1].startswith(f"{file} is no TOML: ")
    (problem,) = read(tmp_path).problems
    assert problem.startswith(f"{tmp_path} cannot be read: ")


def test_a_value_is_written_as_the_file_could_hold_it(file: Path) -> None:
    """And read back."""
    values = {"nick": 'a"\\\x7fé', "rooms": ("one", "two"), "tls": True, "port": 5}
    lines = [as_line(DEFINITIONS[name], value) for name, value in values.items()]
    file.write_text("\n".join([heading(file, True), *lines]))
    assert {name: found.value for name, found in read(file).chosen().items()} == values
