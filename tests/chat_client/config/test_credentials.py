"""Passwords come from a file, the environment or the keyboard, and are shown nowhere."""

import stat
from pathlib import Path

import pytest

from chat_client import cli
from chat_client.config import credentials, exit_codes
from chat_client.transport.addresses import parse_addresses
from tests.chat_client.foreign import Line, Script, foreign_server
from tests.chat_client.programs import Terminal, run
from tests.support.waiting import eventually

SECRET = "s3cret-enough"


def wants(password: str, **members: str) -> Script:
    """A server that lets in whoever knows the password, and says goodbye."""

    def script(line: Line) -> None:
        hello = line.expect("hello")
        assert hello.get("password") == password
        assert members.items() <= hello.items()
        line.send(
            "welcome", version=1, server="s/1", session="x", nick=hello["nick"], limits={}, motd=""
        )
        line.admit()
        say = line.expect("say")
        line.send("ok", re=say["id"], seq=1)
        line.wait_for_end()

    return script


def refuses(code: str, text: str) -> Script:
    def script(line: Line) -> None:
        line.expect("hello")
        line.send("error", re=None, code=code, text=text)

    return script


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    path = tmp_path / "password"
    path.write_text(f"{SECRET}\nnot this\n")
    return str(path)


def test_from_a_file(password_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first line; the option wins over the environment."""
    monkeypatch.setenv("CHAT_PASSWORD", "another")
    with foreign_server(wants(SECRET)) as address:
        assert (
            cli.main([address, "--password-file", password_file, "--say", "hi"]) == exit_codes.DONE
        )


def test_from_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    """As some editors on Windows write it."""
    path = tmp_path / "password"
    path.write_text(f"{SECRET}\n", encoding="utf-8-sig")
    with foreign_server(wants(SECRET)) as address:
        assert cli.main([address, "--password-file", str(path), "--say", "hi"]) == exit_codes.DONE


def test_from_the_environment(password_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It wins over a file that is set for good; so does the account's password come."""
    monkeypatch.setenv("CHAT_PASSWORD", SECRET)
    monkeypatch.setenv("CHAT_PASSWORD_FILE", "/no/such/file")
    monkeypatch.setenv("CHAT_ACCOUNT_PASSWORD", "mine")
    with foreign_server(wants(SECRET, account_password="mine")) as address:
        assert cli.main([address, "--login", "--say", "hi"]) == exit_codes.DONE
    monkeypatch.delenv("CHAT_PASSWORD")
    monkeypatch.setenv("CHAT_PASSWORD_FILE", password_file)
    with foreign_server(wants(SECRET)) as address:
        assert cli.main([address, "--say", "hi"]) == exit_codes.DONE


@pytest.mark.parametrize(
    ("code", "text", "says"),
    [
        (
            "bad_password",
            "Wrong.",
            "Wrong. The server's password is given by --password-file or CHAT_PASSWORD",
        ),
        (
            "nick_in_use",
            "It is owned.",
            "It is owned. If it is your account's, --login asks for "
            "its password, and CHAT_ACCOUNT_PASSWORD gives it",
        ),
        ("banned", "Until tomorrow: spam.", "Until tomorrow: spam."),
    ],
)
def test_without_a_terminal(
    code: str, text: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody is asked; a sentence says what to do."""
    with foreign_server(refuses(code, text)) as address:
        assert cli.main([address, "--nick", "ana", "--say", "hi"]) == exit_codes.NOT_LET_IN
    assert capsys.readouterr().err == f"chat-client: {says}\n"


@pytest.mark.parametrize(
    ("arguments", "content", "says"),
    [
        (["--login"], "", "--login asks for a password, and this is no terminal"),
        (
            ["--password-file", "/no/such"],
            "",
            "the password cannot be read from /no/such: No such file",
        ),
        (["--password-file", "FILE"], "\n", "holds no password"),
    ],
)
def test_wrong_use(
    arguments: list[str],
    content: str,
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Before anything is connected."""
    (tmp_path / "empty").write_text(content)
    given = [str(tmp_path / "empty") if each == "FILE" else each for each in arguments]
    assert cli.main(["127.0.0.1", *given, "--say", "hi"]) == exit_codes.NOT_LET_IN
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("address", "exposed"),
    [
        ("192.168.1.20", True),
        ("chat.example.org:9000", True),
        ("[fe80::1]:7878", True),
        ("127.0.0.1", False),
        ("[::1]:7878", False),
        ("LocalHost", False),
        ("unix:/run/chat", False),
        ("tls://192.168.1.20", False),
    ],
)
def test_it_is_told_who_could_read_it(address: str, exposed: bool) -> None:
    """Where it would cross the network as it is."""
    assert credentials.is_exposed(parse_addresses(address)) == exposed


def test_never_on_the_command_line() -> None:
    """There is no option for it, and what is set is shown without it."""
    assert run("--password", SECRET).returncode == 2
    shown = run("--print-config", environment={"CHAT_PASSWORD": SECRET})
    assert SECRET not in shown.stdout


def test_asked_for_on_a_terminal(home: dict[str, str]) -> None:
    """Hidden, and again if it is wrong; with --say as well."""
    servers = (refuses("bad_password", "No."), refuses("bad_password", "No."), wants(SECRET))
    with (
        foreign_server(*servers) as address,
        Terminal(address, "--say", "hi", environment=home) as ana,
    ):
        ana.see("password of the server:")
        ana.enter("wrong")
        ana.see("chat-client: No.")
        eventually(lambda: ana.output.count(b"password of the server:") == 2)
        ana.enter(SECRET)
        assert ana.leave() == 0
        assert SECRET.encode() not in ana.output


# Over 60 lines: one user types every kind of password in one chat, which starts a terminal once.
def test_in_the_chat(home: dict[str, str], tmp_path: Path) -> None:
    """Typed hidden, twice where a slip would lock one out, or behind the command, as stars; kept
    nowhere, brought back by nothing.
    """

    def script(line: Line) -> None:
        line.welcome()
        line.admit()
        register = line.expect("register")
        assert register["password"] == SECRET
        line.send("ok", re=register["id"], account="ana")
        login = line.expect("login")
        assert (login["account"], login["password"]) == ("ben", SECRET)
        line.send("error", re=login["id"], code="forbidden", text="Wrong password.")
        change = line.expect("password")
        assert (change["old"], change["new"]) == (SECRET, f"{SECRET} 2")
        line.send("ok", re=change["id"])
        logout = line.expect("logout")
        assert logout["nick"] == "guest"
        line.send("ok", re=logout["id"], nick="guest", role="member")
        claim = line.expect("claim")
        assert claim["secret"] == SECRET
        line.send("ok", re=claim["id"], role="owner")
        line.wait_for_end()

    with (
        foreign_server(script) as address,
        Terminal(address, "--nick", "ana", environment=home) as ana,
    ):
        ana.see_input("[lobby]")
        ana.enter("/register")
        ana.see_input("new password:")
        ana.enter(SECRET)
        ana.see_input("again:")
        ana.enter("another")
        ana.see("these were not the same: nothing was done")
        ana.enter("/register")
        ana.see_input("new password:")
        ana.enter("short")  # it is told at once, and not after it was typed again
        ana.see("-- a password has 8 to 200 characters, this one has 5")
        ana.see_input("new password:")
        ana.type(f"{SECRET}\x1b[A\t")
        ana.see_input(f"new password: {'*' * len(SECRET)}")
        ana.enter("")
        ana.see_input("again:")
        ana.enter(SECRET)
        ana.see("the nick ana is your account now")
        ana.type(f"/login @ben {SECRET}")
        ana.see_input(f"[lobby] /login @ben {'*' * len(SECRET)}")
        ana.enter("")
        ana.see_wrapped("Wrong password. Alt-R brings it back: /login @ben")
        ana.type(f"/password {SECRET}")
        ana.see_input(f"[lobby] /password {'*' * len(SECRET)}")
        ana.enter("")
        ana.see("type /password alone: you are asked for the passwords then")
        ana.type("\x03")
        ana.see_input("[lobby]")
        for again in ("another", f"{SECRET} 2"):
            ana.enter("/password")
            ana.see_input("old password:")
            ana.enter(SECRET)
            ana.see_input("new password:")
            ana.enter(f"{SECRET} 2")
            ana.see_input("again:")
            ana.enter(again)
            ana.see_input("[lobby]")
        ana.see("the password is changed")
        ana.enter("/logout guest")
        ana.see("you are guest now, and logged out")
        ana.enter("/claim")
        ana.see_input("the owner's secret:")
        ana.type("abc\x03")
        ana.see_input("[lobby]")
        ana.enter(f"/claim {SECRET}")
        ana.see("you are an owner now")
        ana.see_status("owner")
        ana.type("\x1b[A")
        ana.see_input("[lobby] /claim")
        ana.type("\x03\x04")
        assert ana.leave() == 0
        assert SECRET.encode() not in ana.output
    kept = tmp_path / "state" / "backchannel" / "typed"
    assert not kept.exists() or SECRET not in kept.read_text()
    assert not kept.exists() or stat.S_IMODE(kept.stat().st_mode) == 0o600
