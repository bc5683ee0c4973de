"""Flags win, then the environment, then the file; every mistake is a sentence."""

from pathlib import Path

import pytest

from tests.chat_client.programs import run

FILE = """
server = "127.0.0.1:1111"
nick = "filenick"
room = "fileroom"
bell = "all"
"""

ONE, OTHER = "ab" * 32, "cd" * 32


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Where the user's file would be."""
    folder = tmp_path / "backchannel"
    folder.mkdir()
    return folder / "chat-client.toml"


def printed(config: Path, *arguments: str, **environment: str) -> list[str]:
    """What --print-config says."""
    environment["XDG_CONFIG_HOME"] = str(config.parent.parent)
    done = run("--print-config", *arguments, environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_nothing_need_be_set(config: Path) -> None:
    """Without a file there are the defaults, and where the file would be."""
    assert printed(config) == [
        f"# {config} (there is no such file)",
        'room = "lobby"',
        'tls = "off"',
        'color = "auto"',
        'bell = "on"',
        'time_format = "%H:%M"',
    ]


def test_flags_win_then_the_environment_then_the_file(config: Path) -> None:
    """And what is printed says which it was."""
    config.write_text(FILE)
    shown = printed(config, "--nick", "flagnick", "--no-bell", CHAT_NICK="x", CHAT_ROOM="envroom")
    assert shown == [
        f"# {config}",
        f'server = "127.0.0.1:1111"  # {config}',
        'nick = "flagnick"  # --nick',
        'room = "envroom"  # CHAT_ROOM',
        'tls = "off"',
        'color = "auto"',
        'bell = "off"  # --bell',
        'time_format = "%H:%M"',
    ]


def test_a_byte_order_mark_is_none_of_it(config: Path) -> None:
    """As some editors on Windows write one."""
    config.write_text('room = "physics"\n', encoding="utf-8-sig")
    assert f'room = "physics"  # {config}' in printed(config)


def test_a_switch_may_be_written_as_in_toml(config: Path) -> None:
    """On and off are true and false there."""
    config.write_text("tls = true\nbell = false\n")
    shown = printed(config)
    assert f'tls = "on"  # {config}' in shown
    assert f'bell = "off"  # {config}' in shown
    assert 'tls = "on"  # CHAT_TLS' in printed(config, CHAT_TLS="1")


def test_an_empty_variable_is_as_good_as_none(config: Path) -> None:
    """Of each setting: what the file says counts then, or what is usual."""
    config.write_text(FILE)
    names = ("SERVER", "NICK", "ROOM", "PASSWORD_FILE", "TLS", "FINGERPRINT", "CA", "COLOR", "BELL")
    empty = {f"CHAT_{name}": "" for name in (*names, "TIME_FORMAT", "TIME_ZONE")}
    assert printed(config, **empty) == printed(config)


def test_a_room_may_be_written_with_its_sign(config: Path) -> None:
    """On the command line, in a variable and in the file, as people write it."""
    config.write_text("room = '#Physics'\n")
    assert f'room = "physics"  # {config}' in printed(config)
    assert 'room = "ops"  # --room' in printed(config, "--room", "#ops")
    assert 'room = "ops"  # CHAT_ROOM' in printed(config, CHAT_ROOM="#ops")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("color = true", "color: 'on' is none of auto, always, never"),
        ("nik = 'ana'", "'nik' cannot be set. Did you mean 'nick'?"),
        ("nick = 'two words'", "nick: 'two words' cannot be a nick: a nick has no spaces"),
        ("nick = 5", "nick: this is a text, in quotes, not 5"),
        ("color = 'blue'", "color: 'blue' is none of auto, always, never"),
        ("server = 'http://x/y'", "server: 'http://x/y' is no address"),
        ("server = 'a,b,'", "server: an address is missing beside a comma"),
        ("time_zone = 'Mars/Base'", "time_zone: 'Mars/Base' is no time zone"),
        ("time_format = 'a\\u0007b'", "time_format: "),
        ("nick =", "is no TOML: "),
        ("nick = '\udcff'", "is no TOML: "),
    ],
)
def test_a_file_with_a_mistake(config: Path, text: str, says: str) -> None:
    """It names the file, the rule and the value."""
    if "u0007" in text:
        text = text.replace("'", '"')
    config.write_bytes(text.encode("utf-8", "surrogateescape"))
    done = run("127.0.0.1:1", environment={"XDG_CONFIG_HOME": str(config.parent.parent)})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"chat-client: {config}")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (["--bell", "loud"], {}, "chat-client: --bell: 'loud' is none of on, off, all"),
        ([], {"CHAT_COLOR": "blue"}, "chat-client: CHAT_COLOR: 'blue' is none of auto"),
        (["--time-zone", "../../etc/passwd"], {}, "is no time zone"),
        (["--time-format", "%H\n"], {}, "holds what cannot be shown"),
        (["--nic", "ana"], {}, "unrecognized arguments: --nic ana. Did you mean --nick?"),
        (
            ["--password=x"],
            {},
            "unrecognized arguments: --password=x. Did you mean --password-file?",
        ),
        (["7878"], {}, "'1 7878' is no port"),
    ],
)
def test_other_mistakes(arguments: list[str], environment: dict[str, str], says: str) -> None:
    """The variable or the option is named."""
    done = run("127.0.0.1:1", *arguments, environment=environment)
    assert done.returncode == 2
    assert says in done.stderr


def test_several_servers(config: Path) -> None:
    """In the file, in the variable, on the command line; each may have a fingerprint."""
    config.write_text('server = "a:1,tls://b"\n')
    assert f'server = "a:1,tls://b"  # {config}' in printed(config)
    assert 'server = "c,d"  # CHAT_SERVER' in printed(config, CHAT_SERVER="c,d")
    assert 'server = "e, f:2"  # HOST' in printed(config, "e,", "f:2")
    shown = printed(config, "--fingerprint", f"{ONE},{OTHER}")
    assert [line.count(",") for line in shown if line.startswith("fingerprint")] == [1]


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (["a,,b"], {}, "chat-client: HOST: an address is missing beside a comma: write addresses"),
        (["a,b:x"], {}, "chat-client: HOST: 'x' is no port"),
        (
            [],
            {"CHAT_SERVER": "a,a"},
            "chat-client: CHAT_SERVER: a:7878 is in the list",
        ),
        (
            ["a,b,c", "--fingerprint", f"{ONE},{OTHER}"],
            {},
            "chat-client: there are 2 fingerprints for 3 servers: give one for all, or",
        ),
        (["a,b", "--fingerprint", f"{ONE},x"], {}, "chat-client: --fingerprint: "),
    ],
)
def test_mistakes_in_a_list_of_servers(
    arguments: list[str], environment: dict[str, str], says: str
) -> None:
    """A sentence each, and code 2."""
    done = run(*arguments, environment=environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
