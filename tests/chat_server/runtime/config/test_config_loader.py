"""Flags win, then the environment, then the file; every mistake is a sentence, and all are told."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_client.config.settings import SETTINGS as CLIENT_SETTINGS
from chat_server import cli
from chat_server.runtime.config import config_loader
from chat_server.runtime.config.config_loader import CLIENT_VARIABLES, Config
from chat_server.runtime.config.setting_types import Keep
from chat_server.runtime.config.settings import SETTINGS, Settings
from chat_server.runtime.errors import SettingError
from protocol.common.settings import toml
from tests.support.peer import Peer
from tests.support.servers import ROOT, ServerProcess

FILE = """
host = ["127.0.0.1", "::1"]
port = 1111
motd = "from the file"
keep = ["30d", 1000]
hello_timeout = 2.5
connections_per_address = "none"
"""

# What could be set with each, one or two values, as text.
SAMPLES: dict[str, tuple[str, ...]] = {
    "host": ("127.0.0.1", ""),
    "port": ("9000",),
    "data": ("/tmp/data \x7f é",),
    "sync": ("full",),
    "log": ("rediss://ada@[fd00::7]:6379/2",),
    "log_password_file": (str(ROOT / "setup.cfg"),),
    "keep": ("90m", "5"),
    "motd": ('say "hi" \\ \n\t🦊',),
    "log_level": ("debug",),
    "password_file": (str(ROOT / "setup.cfg"),),
    "allow": ("10.0.0.0/8", "fd00::/8"),
    "deny": ("10.1.2.3",),
    "patience": ("12h",),
    "attendance": ("no",),
    "metrics": ("[::1]:9100",),
    "name": ("Room 2.13 – Netze",),
    "web": ("no",),
    "lines": ("no",),
    "irc": ("no",),
    "files": ("no",),
    "origin": ("https://chat.example.org", "http://10.0.0.1:8000"),
    "also": ("10.0.0.7:7878", "chat.example.org"),
}


OPEN = [name for name, setting in SETTINGS.items() if not setting.secret]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the file is."""
    return tmp_path / "chat-server.toml"


def read(
    file: Path | None = None, flags: dict[str, Any] | None = None, /, **variables: str
) -> Config:
    """What is read, where no other than these variables are set."""
    return config_loader.read(flags or {}, variables, file)


def problems(*args: Any, **variables: str) -> tuple[str, ...]:
    """What is wrong with it."""
    with pytest.raises(SettingError) as caught:
        read(*args, **variables)
    return caught.value.problems


def sample(name: str) -> tuple[str, ...]:
    """What can be set; all others are switches, paths, numbers or times."""
    rule = SETTINGS[name].rule
    usual = "yes" if rule.kind == "switch" else "/tmp/x" if rule.metavar == "PATH" else "7"
    return SAMPLES.get(name, (usual,))


def test_nothing_need_be_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a file there are the defaults."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    nothing = read()
    assert nothing.settings == Settings()
    assert (nothing.file, nothing.found) == (tmp_path / "backchannel/chat-server.toml", False)
    assert nothing.sources == {}


def test_flags_win_then_the_environment_then_the_file(file: Path) -> None:
    """And it is known which it was."""
    file.write_text(FILE)
    found = read(file, {"port": "3333"}, CHAT_PORT="2222", CHAT_MOTD="from the environment")
    settings = found.settings
    assert (settings.port, settings.motd) == (3333, "from the environment")
    assert settings.hosts == ("127.0.0.1", "::1")
    assert settings.keep == Keep(messages=1000, seconds=30 * 86400)
    assert settings.hello_timeout == 2.5
    assert settings.connections_per_address is None
    assert settings.sync == "normal"
    assert found.sources["port"] == "--port"
    assert found.sources["motd"] == "CHAT_MOTD"
    assert found.sources["host"] == str(file)
    assert "sync" not in found.sources


@pytest.mark.parametrize("name", OPEN)
def test_every_setting_has_a_flag_a_variable_and_a_key(name: str, file: Path) -> None:
    """One name and one rule, and the same value whichever way it is said."""
    setting, values = SETTINGS[name], sample(name)
    many, switch = setting.rule.kind == "many", setting.rule.kind == "switch"
    flag = [f"{setting.flag}={value}" for value in values]
    if switch:
        flag = [setting.flag if values == ("yes",) else f"--no-{setting.flag.removeprefix('--')}"]
    parsed = vars(cli._parser().parse_args(flag))
    by_flag = read(None, parsed).settings
    by_variable = read(**{setting.variable: ",".join(values)}).settings
    assert by_flag == by_variable != Settings()
    value: Any = list(values) if many else values[0]
    file.write_text(f"{name} = {toml(value)}")
    assert read(file).settings == by_flag


@pytest.mark.parametrize("name", OPEN)
def test_what_is_printed_could_be_the_file(name: str, file: Path) -> None:
    """Whatever is set."""
    setting, values = SETTINGS[name], sample(name)
    found = read(**{setting.variable: ",".join(values)})
    printed = config_loader.shown(found)
    assert f"  # {setting.variable}" in printed
    file.write_text(printed)
    again = read(file)
    assert again.settings == found.settings
    assert set(OPEN) <= set(again.sources)


# What TOML can hold, and texts that come near what the rules want.
TOML = st.recursive(
    st.text(max_size=20)
    | st.from_regex(r"\A-?[0-9.]{1,20}[smhd]?\Z", alphabet=st.characters(codec="ascii"))
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


@given(value=TOML, name=st.sampled_from(OPEN))
def test_whatever_is_in_a_file_is_refused_or_kept(value: Any, name: str) -> None:
    """With a sentence; and what is taken is the same when it was written and read again."""
    rule = SETTINGS[name].rule
    if rule.kind == "many" and not isinstance(value, list):
        value = [value]
    try:
        taken = rule.read(value)
    except ValueError:
        return
    written = tomllib.loads(f"x = {toml(rule.write(taken))}")["x"]
    assert rule.write(rule.read(written)) == written


def test_what_is_printed_names_every_setting_once() -> None:
    """With where it is from."""
    lines = config_loader.shown(read()).splitlines()[1:]
    for secret in ("log_password", "password"):
        hidden = f"# {secret} is not shown; from: default"
        assert lines.pop(lines.index(hidden)) == hidden
    assert [line.split(" = ")[0] for line in lines] == OPEN
    assert all(line.endswith("  # default") for line in lines)


def test_whether_it_is_announced_can_be_left_to_the_server(file: Path) -> None:
    """Which is so unless somebody decides it; and can be said, to overrule another place."""
    assert Settings().announce is None
    assert read(None, {"announce": False}).settings.announce is False
    assert read(None, CHAT_ANNOUNCE="yes").settings.announce is True
    file.write_text("announce = false")
    assert read(file, CHAT_ANNOUNCE="auto").settings.announce is None


def test_a_number_can_be_a_text_and_a_list_one_value(file: Path) -> None:
    """What can be meant is understood."""
    file.write_text('port = "9000"\nhost = "::"\nkeep = 500\nno_limits = "on"\nlinger = "2s"')
    settings = read(file).settings
    assert (settings.port, settings.hosts, settings.no_limits) == (9000, ("::",), True)
    assert (settings.keep, settings.linger) == (Keep(messages=500), 2.0)


def test_a_byte_order_mark_is_none_of_it(file: Path) -> None:
    """As some editors on Windows write one."""
    file.write_text("port = 9000\n", encoding="utf-8-sig")
    assert read(file).settings.port == 9000


def test_a_path_in_the_file_is_beside_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the server is started; ~ is the user's."""
    monkeypatch.setenv("HOME", "/home/ana")
    file.write_text('unix = "chat.sock"\ndata = "~/chat"')
    settings = read(file).settings
    assert settings.unix == file.parent / "chat.sock"
    assert settings.data == Path("/home/ana/chat")
    assert read(CHAT_UNIX="chat.sock").settings.unix == Path("chat.sock")


def test_no_unix_socket_can_be_said(file: Path) -> None:
    """Also where the file has one."""
    file.write_text('unix = "chat.sock"')
    assert read(file, {"unix": ""}).settings.unix is None


# -- no limits ------------------------------------------------------------------------------------


def test_no_limits_lifts_what_is_not_set_in_the_same_place(file: Path) -> None:
    """And what is set where less counts; the source is whoever said it."""
    file.write_text("connections_per_address = 7\nrequests_per_second = 9")
    found = read(file, {"no_limits": True, "requests_per_second": "5"})
    assert found.settings.connections_per_address is None
    assert found.settings.requests_per_second == 5
    assert found.sources["connections_per_address"] == "--no-limits"


def test_no_limits_can_be_taken_back(file: Path) -> None:
    """`--limits` where the file says that there are none."""
    file.write_text("no_limits = true")
    assert read(file).settings.requests_per_second is None
    assert read(file, vars(cli._parser().parse_args(["--limits"]))).settings == Settings()


def test_the_old_name_of_no_limits_goes_on_working(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the command line, as a variable and in the file; but nothing lists it."""
    wanted = read(None, {"no_limits": True}).settings
    assert read(None, vars(cli._parser().parse_args(["--lab"]))).settings == wanted
    by_variable = read(CHAT_LAB="1")
    assert (by_variable.settings, by_variable.warnings) == (wanted, [])
    file.write_text("lab = true")
    assert read(file).settings == wanted
    assert read(file, vars(cli._parser().parse_args(["--no-lab"]))).settings == Settings()
    cli._parser().print_help()
    assert "--lab" not in capsys.readouterr().out
    assert "no_limits = true  # CHAT_LAB" in config_loader.shown(by_variable).splitlines()


# -- mistakes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prot = 5", "'prot' cannot be set. Did you mean 'port'?"),
        ("hosts = '::'", "'hosts' cannot be set. Did you mean 'host'?"),
        ("log-level = 'info'", "'log-level' cannot be set. Did you mean 'log_level'?"),
        ("[limits]\nrooms = 5", "'limits' cannot be set."),
        ("xyzzy = 1", "'xyzzy' cannot be set. --print-config shows what can be."),
        ("port = 65536", "port: a port is a number from 0 to 65535, not 65536"),
        ("port = true", "port: a port is a number from 0 to 65535, not True"),
        ("port = 1.5", "port: a port is a number from 0 to 65535, not 1.5"),
        ("port = [1]", "port: a port is a number"),
        ("rooms = 0", "rooms: a limit on rooms is a number from 1 on, not 0"),
        ("rooms = 'none'", "rooms: a limit on rooms is a number from 1 on, not 'none'"),
        ("connections_per_address = -1", "not -1; 'none' is no limit"),
        ("requests_per_second = nan", "requests_per_second: a limit on requests is a number"),
        ("requests_per_second = 0", "a limit on requests is a number above 0, not 0"),
        ("hello_timeout = inf", "hello_timeout: the time for a hello is so many seconds"),
        ("hello_timeout = '5 s'", "such as 30s, 5m, 12h or 30d, of at most 3650d, not '5 s'"),
        ("hello_timeout = '99999d'", "of at most 3650d"),
        ("sync = 'maybe'", "sync: 'maybe' is none of normal, full"),
        ("log_level = ['info']", "log_level: ['info'] is none of debug, info, warning, error"),
        ("no_limits = 'perhaps'", "no_limits: this is true or false, not 'perhaps'"),
        ("no_limits = 1", "no_limits: this is true or false, not 1"),
        ("announce = 'perhaps'", "announce: this is true, false or 'auto', not 'perhaps'"),
        ("name = 5", "name: a name is a text of at most 60 characters that show, on one line"),
        ('name = "a\\tb"', "on one line and in quotes, not 'a\\tb'"),
        ("motd = 5", "motd: this is a text, in quotes, not 5"),
        ('motd = "\\u001b[2J"', "motd: a text holds no control characters"),
        ("keep = '0d'", "keep: what is kept is an age such as 30d, 12h or 45m, or a number"),
        ("keep = 'all'", "keep: what is kept is an age"),
        ("host = 5", "host: each of these is a text, in quotes, not 5"),
        ("host = []", "host: there must be at least one"),
        ("data = ''", "data: this is the path of a file or a folder, in quotes, not ''"),
        ("data = '~nobody-of-that-name/x'", "is in the folder of nobody on this machine"),
        ("delivery_workers = 1000", "a number of threads is a number from 1 to 64, not 1000"),
        ("patience = 5", "patience is 5 s and ping_interval 30 s: nobody would be asked"),
        ("port =", "is no TOML: "),
        ("port = 1\nport = 2", "is no TOML: "),
        ("motd = '\udcff'", "is no TOML: "),
    ],
)
def test_a_mistake_in_the_file(file: Path, text: str, says: str) -> None:
    """It names the file, the setting, the rule and the value."""
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    (problem,) = problems(file)
    assert says in problem
    assert problem.startswith((f"{file}", "patience"))


def test_an_empty_variable_is_as_good_as_none(file: Path) -> None:
    """Of each setting: what the file says counts then, or what is usual."""
    file.write_text("port = 3333\nkeep = '30d'\nmotd = 'hello'\n")
    empty = {setting.variable: "" for setting in SETTINGS.values()}
    assert read(file, **empty).settings == read(file).settings
    assert read(**empty).settings == Settings()


def test_a_mistake_names_its_variable_or_flag() -> None:
    """All of them are told at once."""
    found = problems(None, {"port": "http", "keep": ["5", "x"]}, CHAT_SYNC="no", CHAT_PORT="x")
    assert [each.split(":")[0] for each in found] == ["--port", "--keep", "CHAT_PORT", "CHAT_SYNC"]


def test_what_is_overruled_is_no_place_for_a_mistake(file: Path) -> None:
    """It would wait there for the day on which it counts."""
    file.write_text("port = 'x'")
    assert len(problems(file, {"port": "9000"})) == 1


def test_a_file_that_is_asked_for_must_be_there(tmp_path: Path) -> None:
    """And be a file."""
    (problem,) = problems(tmp_path / "no.toml")
    assert problem.startswith(f"there is no {tmp_path / 'no.toml'}")
    (problem,) = problems(tmp_path)
    assert problem.startswith(f"{tmp_path} cannot be read: ")


# -- the password ----------------------------------------------------------------------------------


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file with a password."""
    path = tmp_path / "secret"
    path.write_text("  of the file \r\nsecond line\n", newline="")
    path.chmod(0o600)
    return path


def test_a_password_is_from_a_file_or_the_environment(file: Path, secret: Path) -> None:
    """The first line of the file, spaces included; what is said nearer wins."""
    file.write_text("password_file = 'secret'")
    found = read(file)
    assert (found.settings.password, found.sources["password"]) == ("  of the file ", str(secret))
    assert found.settings.password_file == secret
    assert not found.warnings
    assert read(file, CHAT_PASSWORD="nearer").settings.password == "nearer"
    by_flag = read(None, {"password_file": str(secret)}, CHAT_PASSWORD="x")
    assert by_flag.settings.password == "  of the file "
    assert read(file, {"password_file": ""}).settings.password == ""


def test_a_password_is_never_shown(secret: Path) -> None:
    """But that there is one, and where it is from."""
    shown = config_loader.shown(read(CHAT_PASSWORD="hush"))
    assert "# password is not shown; from: CHAT_PASSWORD" in shown
    assert "hush" not in shown + repr(read(CHAT_PASSWORD="hush"))
    shown = config_loader.shown(read(CHAT_PASSWORD_FILE=str(secret)))
    assert f"# password is not shown; from: {secret}" in shown
    assert "of the file" not in shown


def test_a_password_that_cannot_be(file: Path, tmp_path: Path, secret: Path) -> None:
    """The sentence does not tell it."""
    (problem,) = problems(CHAT_PASSWORD="hu\tsh")
    assert problem.startswith("CHAT_PASSWORD: a password is a text of 1 to 200 characters")
    assert "hu" not in problem
    (warning,) = read(CHAT_PASSWORD="").warnings
    assert warning == "CHAT_PASSWORD is empty, which asks nobody for a password"
    file.write_text("password = 'hush'")
    (problem,) = problems(file)
    assert "Set CHAT_PASSWORD, or name a file for it alone with password_file" in problem
    assert "hush" not in problem
    (problem,) = problems(CHAT_PASSWORD="x", CHAT_PASSWORD_FILE=str(secret))
    assert problem == "CHAT_PASSWORD and CHAT_PASSWORD_FILE are both set: leave one out"
    (problem,) = problems(None, {"password_file": str(tmp_path / "no")})
    assert problem.startswith(f"--password-file: {tmp_path / 'no'} cannot be read: No such file")
    for content, says in [
        (b"", "a password is a text of 1 to 200"),
        (b"\nsecret", "a password is a text of 1 to 200"),
        (b"hush" * 100, "a password is a text of 1 to 200"),
        (b"\xff", "is no text in UTF-8"),
    ]:
        secret.write_bytes(content)
        (problem,) = problems(None, {"password_file": str(secret)})
        assert says in problem
        assert "hush" not in problem


def test_a_password_that_others_can_read(secret: Path) -> None:
    """Is pointed out; one that a group can read may be meant so."""
    secret.chmod(0o640)
    assert not read(CHAT_PASSWORD_FILE=str(secret)).warnings
    secret.chmod(0o604)
    (warning,) = read(CHAT_PASSWORD_FILE=str(secret)).warnings
    assert warning == f"{secret} holds the password and can be read by others: chmod o= {secret}"


def test_a_password_has_no_flag() -> None:
    """It would be on the list of processes."""
    with pytest.raises(SystemExit):
        cli._parser().parse_args(["--password", "hush"])


# -- the client's variables, and others' ----------------------------------------------------------


def test_no_variable_of_the_client_is_the_servers() -> None:
    """Except for the variables that both sides read on purpose."""
    shared = {"password", "password_file", "tls"}
    assert (set(CLIENT_SETTINGS) & set(SETTINGS)) <= shared


def test_the_clients_variables_are_known_and_do_nothing() -> None:
    """They are no misspelt ones of the server's: CHAT_ROOM is not CHAT_ROOMS."""
    ours = {each.variable for each in SETTINGS.values()}
    assert {f"CHAT_{name.upper()}" for name in CLIENT_SETTINGS} - ours <= CLIENT_VARIABLES
    found = read(**dict.fromkeys(CLIENT_VARIABLES, "x"))
    assert (found.settings, found.warnings) == (Settings(), [])


def test_a_misspelt_variable_is_pointed_out() -> None:
    """Not refused: other programs have variables of that kind, too."""
    found = read(CHAT_HELO_TIMEOUT="5", CHAT_MODEL="large", PORT="9", CHATPORT="9")
    assert found.warnings == [
        "the variable CHAT_HELO_TIMEOUT sets nothing. Did you mean CHAT_HELLO_TIMEOUT?"
    ]
    assert found.settings == Settings()


# -- the program ----------------------------------------------------------------------------------


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    """What the program answers without serving."""
    code = cli.main([str(argument) for argument in arguments])
    return code, *capsys.readouterr()


def test_print_config(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    """It is TOML, says where each value is from, and leaves."""
    file.write_text("motd = 'hello'")
    code, out, err = run(capsys, "--config", file, "--port", "9000", "--print-config")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == f"# {file}"
    assert f'motd = "hello"  # {file}' in out
    assert "port = 9000  # --port" in out
    assert tomllib.loads(out)["sync"] == "normal"


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        ("--password=x", "Did you mean --password-file?"),
        ("--frobnicate", "--help shows what there is."),
    ],
)
def test_an_option_that_there_is_not(
    capsys: pytest.CaptureFixture[str], option: str, hint: str
) -> None:
    """The nearest is suggested, as for the file."""
    with pytest.raises(SystemExit) as ended:
        run(capsys, option)
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith(f"unrecognized arguments: {option}. {hint}\n")


def test_a_server_takes_its_file_from_the_users_folder(tmp_path: Path) -> None:
    """And names it in the log."""
    folder = tmp_path / "backchannel"
    folder.mkdir()
    (folder / "chat-server.toml").write_text("motd = 'from the file'\nport = 0")
    environment = {"XDG_CONFIG_HOME": str(tmp_path), "CHAT_HOST": "127.0.0.1"}
    with ServerProcess("--data", tmp_path / "data", environment=environment) as server:
        server.wait_until_listening()
        with Peer.connect(server.address) as ada:
            assert ada.hello("ada")["motd"] == "from the file"
        assert f"settings from {folder / 'chat-server.toml'}" in server.stderr
