"""Coming in: what no chat server is, and what a server may answer."""

import struct
from collections.abc import Callable
from contextlib import suppress

import pytest

import chat_client
from chat_client import ConnectError, Refused
from tests.chat_client.foreign import Line, foreign_server
from tests.support.leaks import nothing_left_behind

pytestmark = pytest.mark.usefixtures("_quick")


def http(line: Line) -> None:
    line.send_raw(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")


def ssh(line: Line) -> None:
    line.send_raw(b"SSH-2.0-OpenSSH_9.2\r\n")


def mute(line: Line) -> None:
    line.expect("hello")
    with pytest.raises(EOFError):
        line.receive()


def hang_up(line: Line) -> None:
    line.expect("hello")


def no_frame(line: Line) -> None:
    line.send_raw(struct.pack("!I", 0))


def no_json(line: Line) -> None:
    line.send_raw(struct.pack("!I", 3) + b"\xff\xfe\xfd")


def half_a_frame(line: Line) -> None:
    line.expect("hello")
    line.send_raw(struct.pack("!I", 100) + b"{")


def message_first(line: Line) -> None:
    line.post("lobby", 1, "hello")


def drip(line: Line) -> None:
    """A byte now and then, so that no timeout of the socket's ever passes."""
    line.send_raw(struct.pack("!I", 60_000) + b"{")
    with suppress(OSError):
        while not line.is_ended(within=0.05):
            line.send_raw(b" ")


def echo(line: Line) -> None:
    line.send("hello", version=1, nick="ana")
    mute(line)


def nested(opening: str, text: str) -> Callable[[Line], None]:
    def script(line: Line) -> None:
        line.expect("hello")
        payload = (text % (opening * (65_000 // len(opening)))).encode()
        line.send_raw(struct.pack("!I", len(payload)) + payload)

    return script


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (http, "is no chat server: what it says begins with 'HTTP/1.1 400"),
        (ssh, "is no chat server: what it says begins with 'SSH-2.0-OpenSSH_9.2"),
        (mute, "says nothing"),
        (hang_up, "closed the connection without a word"),
        (no_frame, "is no chat server"),
        (no_json, "is no chat server"),
        (half_a_frame, "is no chat server"),
        (message_first, "is no chat server"),
        (echo, "sends no welcome"),
        (drip, "sends no welcome"),
        (nested("[", '{"type":"welcome","limits":{"x":%s'), "is no chat server"),
        (nested('{"a":', '{"type":"welcome","limits":%s'), "is no chat server"),
        (nested("[", '{"x":%s,"type":"welcome"'), "is no chat server"),
        (nested("[", '{"type":"ok","x":%s'), "is no chat server"),
    ],
)
def test_what_is_no_chat_server(script: Callable[[Line], None], says: str) -> None:
    """One sentence says what it is, and nothing is left behind."""
    with nothing_left_behind(), foreign_server(script) as address:
        with pytest.raises(ConnectError) as caught:
            chat_client.connect(address, nick="ana", timeout=0.5)
        assert says in str(caught.value)
        assert address in str(caught.value)


@pytest.mark.parametrize(
    ("code", "members"),
    [
        ("bad_password", {}),
        ("banned", {}),
        ("unsupported_version", {}),
        ("server_full", {}),
        ("nick_in_use", {}),
        ("bad_nick", {}),
        ("something_new", {"retry_after": 1.0}),
    ],
)
def test_not_let_in(code: str, members: dict[str, float]) -> None:
    """The server's reason is the reason; the first connection is not tried again."""

    def script(line: Line) -> None:
        line.expect("hello")
        line.send("error", re=None, code=code, text="Because.", **members)

    with nothing_left_behind(), foreign_server(script) as address:
        with pytest.raises(Refused, match="Because") as caught:
            chat_client.connect(address, nick="ana")
        assert caught.value.code == code


def test_a_goodbye_instead_of_a_welcome() -> None:
    """A server that is stopping says so at once."""

    def script(line: Line) -> None:
        line.expect("hello")
        line.send("goodbye", code="shutting_down", text="Stopping.")

    with foreign_server(script) as address, pytest.raises(Refused, match="Stopping"):
        chat_client.connect(address, nick="ana")


def test_takes_another_nick_only_if_none_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The login name gets a number while it is taken."""
    monkeypatch.setenv("LOGNAME", "@ana maria")
    heard: list[str] = []

    def script(line: Line) -> None:
        for _ in range(2):
            heard.append(line.expect("hello")["nick"])
            line.send("error", re=None, code="nick_in_use", text="Taken.")
        heard.append(line.welcome()["nick"])
        line.wait_for_end()

    with foreign_server(script) as address, chat_client.connect(address) as chat:
        assert chat.nick == "ana-maria3"
    assert heard == ["ana-maria", "ana-maria2", "ana-maria3"]


@pytest.mark.parametrize("login", ["", " ", "\x07", "#"])
def test_a_login_name_that_is_no_nick(monkeypatch: pytest.MonkeyPatch, login: str) -> None:
    """Somebody whose login name cannot be a nick is a guest, or what is left of it."""
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(variable, login)

    def script(line: Line) -> None:
        line.welcome()
        line.wait_for_end()

    with foreign_server(script) as address, chat_client.connect(address) as chat:
        assert chat.nick
