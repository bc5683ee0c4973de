"""The options: their defaults, and what is refused."""

import re
from pathlib import Path

import pytest

from chat_client.load.control.machine import cores
from chat_client.load.control.options import LIMIT_DURATION, _parser, read_options
from chat_client.load.model.workload import Load
from tests.chat_client.load.runs import wrong

NOT_OPTIONS = {"shortest": "size", "longest": "size"}
"""Fields of the workload that an option of another name sets."""


def test_without_options_the_workload_is_the_default() -> None:
    """Only `Load` states the defaults, except for the workers, which depend on the machine."""
    assert read_options([]).load == Load(processes=min(cores(), Load().clients))


@pytest.mark.parametrize("field", Load.__struct_fields__)
def test_every_field_of_the_workload_has_an_option(field: str) -> None:
    """The option has the name of the field, so that nothing has to be copied."""
    names = {action.dest for action in _parser()._actions}
    assert NOT_OPTIONS.get(field, field) in names


def test_the_help_shows_the_defaults() -> None:
    """The help shows the defaults of `Load`."""
    text = " ".join(_parser().format_help().split())
    load = Load()
    assert f"({load.clients}) " in text
    assert f"due by the clock ({load.rate:g})" in text
    assert f"({load.duration:g}; with --find-limit {LIMIT_DURATION:g} for each run)" in text
    assert f"from MIN to MAX ({load.shortest})" in text
    assert f"begin with ({load.nick_prefix})" in text
    assert not re.search(r"\(None\)|%\(", text)


def test_what_is_given_goes_into_the_workload() -> None:
    """Every option of the workload reaches it."""
    line = (
        "--clients 7 --rooms 2 --rate 3.5 --ramp 1 --warm-up 0 --duration 4 --size 50-60 "
        "--talkers 30 --churn 1.5 --slow 20 --patience 6 --processes 3 --seed 9 --nick-prefix x"
    )
    assert read_options(line.split()).load == Load(
        clients=7,
        rooms=2,
        rate=3.5,
        ramp=1.0,
        warm_up=0.0,
        duration=4.0,
        shortest=50,
        longest=60,
        talkers=30.0,
        churn=1.5,
        slow=20.0,
        patience=6.0,
        processes=3,
        seed=9,
        nick_prefix="x",
    )


def test_what_follows_from_other_options() -> None:
    """A closed loop has no rate, a search has shorter runs, and no worker is without clients."""
    assert read_options(["--burst"]).load.rate is None
    search = read_options(["--find-limit", "p99<5ms"])
    assert (search.load.duration, search.limit.text) == (LIMIT_DURATION, "p99<5ms")
    given = read_options(["--find-limit", "p99<5ms", "--duration", "7"])
    assert given.load.duration == 7.0
    assert read_options(["--clients", "1", "--processes", "4"]).load.processes == 1


def test_a_server_of_its_own_has_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """The password in the environment is for another server."""
    monkeypatch.setenv("CHAT_PASSWORD", "open sesame")
    own = read_options(["--own-server"])
    assert (own.servers, own.password) == (None, None)
    other = read_options(["--own-server", "127.0.0.1:7000"])
    assert (str(other.servers), other.password) == ("127.0.0.1:7000", "open sesame")


def test_the_password_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The option goes before the environment; there the password goes before the file."""
    file = tmp_path / "secret"
    file.write_text("from a file\n")
    monkeypatch.setenv("CHAT_PASSWORD", "from the variable")
    monkeypatch.setenv("CHAT_PASSWORD_FILE", str(file))
    assert read_options([]).password == "from the variable"
    assert read_options(["--password-file", str(file)]).password == "from a file"
    monkeypatch.delenv("CHAT_PASSWORD")
    assert read_options([]).password == "from a file"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--fail-if", "p99"], "'p99' is not a condition"),
        (["--find-limit", "p99<5"], "'p99<5' needs a time"),
        (["--find-limit", "p99<5ms", "--burst"], "leave one out"),
        (["--find-limit", "p99<5ms", "--fail-if", "lost>0"], "leave --fail-if out"),
        (["--rate", "5", "--burst"], "not allowed with"),
        (["--rate", "100", "--burst"], "not allowed with"),
        (["--rate", "0"], "'0' is not from 0.01"),
        (["--rate", "nan"], "'nan' is not a number"),
        (["--clients", "1.5"], "'1.5' is not a whole number"),
        (["--clients", "0"], "'0' is not from 1"),
        (["--rooms", "101"], "--rooms 101 is more than --clients 100"),
        (["--size", "39"], "'39' is not from 40 to 4000"),
        (["--size", "100-50"], "'100-50' is not from 40 to 4000"),
        (["--size", "big"], "'big' is neither BYTES nor MIN-MAX"),
        (["--talkers", "101"], "'101' is not from 0 to 100"),
        (["--nick-prefix", "a b"], "--nick-prefix 'a b' is not allowed"),
        (["--nick-prefix", "Load"], "write it in lower case"),
        (["127.0.0.1:99999"], "'99999' is no port"),
        (["host", "--unix", "/a"], "leave one out"),
    ],
)
def test_wrong_use(capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    """The exit code is 2, and the error names the value and the rule."""
    assert says in wrong(capsys, *arguments)
