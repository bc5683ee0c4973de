"""What is in deploy/ fits the program: options, variables, packages, the health check."""

import configparser
import json
import re
import shlex
from pathlib import Path

import pytest

from chat_server import cli
from chat_server.runtime.config.settings import SETTINGS, Settings
from tests.support.servers import ROOT, running_server

UNIT = ROOT / "deploy/backchannel.service"
CONTAINERFILE = ROOT / "deploy/Containerfile"
VARIABLES = {setting.variable for setting in SETTINGS.values()}


def unit() -> configparser.SectionProxy:
    """The service part of the unit. Of what stands there twice, the last."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(UNIT, encoding="utf-8")
    return parser["Service"]


def instructions(name: str) -> list[str]:
    """What the Containerfile says with one instruction, in its order."""
    text = re.sub(r"^#.*\n", "", CONTAINERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [line.partition(" ")[2] for line in lines if line.split(" ")[0] == name]


def test_the_unit_starts_the_program_with_what_it_knows() -> None:
    """Its options and its variables; and its data is where it may write."""
    program, *options = shlex.split(unit()["ExecStart"])
    assert program.endswith("/chat-server")
    cli._parser().parse_args(options)
    variables = dict(each.split("=", 1) for each in unit()["Environment"].split())
    assert {name for name in variables if name.startswith("CHAT_")} <= VARIABLES
    assert variables["CHAT_DATA"] == f"/var/lib/{unit()['StateDirectory']}"
    assert f"{variables['XDG_CONFIG_HOME']}/backchannel" == "/etc/backchannel"


def test_the_unit_knows_how_the_program_ends_and_reloads() -> None:
    """Wrong use is not tried again, a stop may take its time, SIGHUP is a reload."""
    assert unit()["RestartPreventExitStatus"] == str(cli.WRONG_USE)
    assert int(unit()["TimeoutStopSec"]) > 5
    check, hang_up = re.findall(r"^ExecReload=(.*)$", UNIT.read_text(), re.MULTILINE)
    unset, *checked = shlex.split(check.removeprefix("/usr/bin/env "))
    assert unset.removeprefix("--unset=") in VARIABLES
    assert checked == [unit()["ExecStart"], "--check"]
    assert hang_up.endswith("-HUP $MAINPID")
    assert unit()["Type"] == "notify"


def test_the_settings_are_not_the_servers_to_change() -> None:
    """A ConfigurationDirectory= would be given to a dynamic user, and be one that it can write."""
    assert unit()["DynamicUser"] == "yes"
    assert "ConfigurationDirectory" not in unit()


def test_the_unit_leaves_room_for_the_clients_that_are_allowed() -> None:
    """A descriptor and a thread each."""
    most = Settings().connections
    assert int(unit()["LimitNOFILE"]) > 2 * most
    assert unit()["TasksMax"] == unit()["LimitNPROC"] == "infinity"


def test_the_image_has_every_package() -> None:
    """All that the program is installed from is copied."""
    copied = [name for line in instructions("COPY") for name in line.split()[:-1]]
    sources = {name.removeprefix("./") for name in copied if not name.startswith("--")}
    for name in ("pyproject.toml", "setup.cfg", "README.md", "protocol", "chat_server"):
        assert name in sources
    assert all((ROOT / name).exists() for name in sources - {"/opt/backchannel"})


def test_the_image_is_pinned_and_nobodys() -> None:
    """To one minor version of Python that the program runs on; and not root's."""
    images = {line.split()[0] for line in instructions("FROM")}
    assert len(images) == 1
    assert re.fullmatch(r"python:3\.1[1-9]-slim", images.pop())
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", instructions("USER")[-1])


def test_the_image_sets_what_there_is() -> None:
    """And keeps the data in its volume."""
    variables = dict(each.split("=", 1) for line in instructions("ENV") for each in line.split())
    assert {name for name in variables if name.startswith("CHAT_")} <= VARIABLES
    assert [variables["CHAT_DATA"]] == instructions("VOLUME")
    assert int(instructions("EXPOSE")[0]) == SETTINGS["port"].rule.read("7878")
    assert json.loads(instructions("ENTRYPOINT")[0]) == ["chat-server"]


def test_the_health_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 while the server runs, and not 0 when it does not."""
    monkeypatch.setenv("CHAT_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    program, *arguments = json.loads(instructions("HEALTHCHECK")[0].partition("CMD ")[2])
    assert program == "chat-server"
    with running_server(tmp_path, password="does not matter"):
        assert cli.main(arguments) == 0
    assert cli.main(arguments) != 0
    capsys.readouterr()
