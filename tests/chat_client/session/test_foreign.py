"""Servers that are none, or bad ones: a clear end, and no harm."""

import itertools
import struct
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

import chat_client
from chat_client import ChatError, Closed, Connected, ConnectError, Ended, Message, Refused
from chat_client.session import reader as reader_module
from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.recorder import Recorder
from tests.support.leaks import nothing_left_behind
from tests.support.waiting import DEADLINE, eventually


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reconnect at once: how long the delays are is not the matter here."""
    monkeypatch.setattr(reader_module, "_FIRST_DELAY", 0.0)


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


@pytest.mark.parametrize("code", ["kicked", "replaced", "banned", "flooding", "something_new"])
def test_a_goodbye_that_is_meant(code: str) -> None:
    """The chat ends with the reason, for everybody who waits, and is not taken up again."""

    def script(line: Line) -> None:
        line.welcome()
        line.admit()
        line.expect("say")
        line.send("goodbye", code=code, text="Because.")

    recorder = Recorder()
    with foreign_server(script) as address:
        with chat_client.connect(address, nick="ana", on_event=recorder) as chat:
            room = chat.join("lobby")
            with pytest.raises(Closed, match="Because") as caught:
                room.say("hi")
            assert caught.value.code == code
            with pytest.raises(Closed, match="Because"):
                next(room)
            with pytest.raises(Closed, match="Because"):
                chat.join("ops")
        assert recorder.events[-1] == Ended("Because.", code)


@pytest.mark.parametrize("code", ["shutting_down", "idle_timeout", "hello_timeout", "internal"])
def test_a_goodbye_for_now(code: str) -> None:
    """The client comes back with its session and its cursor, and says again what was lost."""
    seen: list[dict[str, object]] = []

    def first(line: Line) -> None:
        line.welcome()
        line.admit(7)
        line.post("lobby", 8, "eight")
        seen.append(line.expect("say"))
        line.send("goodbye", code=code, text="Later.")

    def second(line: Line) -> None:
        seen.append(line.welcome())
        seen.append(line.admit(8))
        say = line.expect("say")
        seen.append(say)
        line.post("lobby", 9, "mine")
        line.send("ok", re=say["id"], seq=9)
        line.wait_for_end()

    recorder = Recorder()
    with (
        foreign_server(first, second) as address,
        chat_client.connect(address, nick="ana", on_event=recorder) as chat,
    ):
        room = chat.join("lobby")
        assert room.say("mine") == 9
        assert [message.text for message in itertools.islice(room, 2)] == ["eight", "mine"]
    said, hello, join, again = seen
    assert hello["session"] == "secret"
    assert join["after"] == 8
    assert again == said
    assert [event.again for event in recorder.of(Connected)] == [False, True]


def test_a_session_that_is_forgotten() -> None:
    """The chat goes on under a new one; what may have been said is not said again by itself."""

    def first(line: Line) -> None:
        line.welcome()
        line.admit()
        line.expect("say")

    def second(line: Line) -> None:
        line.expect("hello")
        line.send("error", re=None, code="bad_request", text="No such session.")
        assert "session" not in line.welcome(session="another")
        line.admit()
        say = line.expect("say")
        line.send("ok", re=say["id"], seq=1)
        line.wait_for_end()

    with (
        foreign_server(first, second) as address,
        chat_client.connect(address, nick="ana") as chat,
    ):
        room = chat.join("lobby")
        with pytest.raises(chat_client.Unconfirmed, match="not known whether"):
            room.say("once")
        assert room.say("twice") == 1


def test_a_nick_that_was_taken_meanwhile() -> None:
    """Whoever has our nick may be our own dead connection: it is tried until it is free."""

    def first(line: Line) -> None:
        line.welcome()

    def second(line: Line) -> None:
        line.expect("hello")
        line.send("error", re=None, code="nick_in_use", text="Taken.")

    def third(line: Line) -> None:
        line.welcome()
        line.wait_for_end()

    recorder = Recorder()
    with (
        foreign_server(first, second, third) as address,
        chat_client.connect(address, nick="ana", on_event=recorder),
    ):
        eventually(lambda: len(recorder.of(Connected)) == 2)
    assert [event.reason for event in recorder.of(chat_client.Reconnecting)][1] == "Taken."


def test_a_room_that_is_closed_to_us_meanwhile() -> None:
    """Its readers hear it, and so does whoever listens."""
    joined = threading.Event()

    def first(line: Line) -> None:
        line.welcome()
        line.admit()
        joined.wait(DEADLINE)

    def second(line: Line) -> None:
        line.welcome()
        join = line.expect("join")
        line.send("error", re=join["id"], code="forbidden", text="Not you.")
        line.wait_for_end()

    recorder = Recorder()
    with (
        foreign_server(first, second) as address,
        chat_client.connect(address, nick="ana", on_event=recorder) as chat,
    ):
        room = chat.join("lobby")
        joined.set()
        with pytest.raises(Refused, match="Not you"):
            next(room)
        eventually(lambda: recorder.of(chat_client.Removed))
        assert chat.joined == []


def test_a_room_is_entered_once_on_each_connection() -> None:
    """However many connections end before the server answers."""

    def first(line: Line) -> None:
        line.welcome()
        line.admit()

    def deaf(line: Line) -> None:
        line.welcome()
        line.expect("join")

    def last(line: Line) -> None:
        line.welcome()
        line.admit(5)
        say = line.expect("say")
        line.send("ok", re=say["id"], seq=6)
        line.wait_for_end()

    with (
        foreign_server(first, deaf, deaf, last) as address,
        chat_client.connect(address, nick="ana", on_event=(recorder := Recorder())) as chat,
    ):
        room = chat.join("lobby")
        eventually(lambda: len(recorder.of(Connected)) == 4)
        assert room.say("hi") == 6


def test_waits_where_the_server_asks_for_it() -> None:
    """`rate_limited` and `unavailable` with a delay: said again, and the user is told."""

    def script(line: Line) -> None:
        line.welcome()
        line.admit()
        for code in ("rate_limited", "unavailable"):
            say = line.expect("say")
            line.send("error", re=say["id"], code=code, text="Slower.", retry_after=0.01)
        say = line.expect("say")
        assert say["text"] == "hi"
        line.send("ok", re=say["id"], seq=1)
        line.wait_for_end()

    recorder = Recorder()
    with (
        foreign_server(script) as address,
        chat_client.connect(address, nick="ana", on_event=recorder) as chat,
    ):
        assert chat.join("lobby").say("hi") == 1
    assert [event.reason for event in recorder.of(chat_client.Postponed)] == ["Slower."] * 2


def test_closing_ends_such_a_wait() -> None:
    """A server that asks for an hour does not keep anybody."""

    def script(line: Line) -> None:
        line.welcome()
        line.admit()
        say = line.expect("say")
        line.send("error", re=say["id"], code="rate_limited", text="Slower.", retry_after=1e9)
        line.wait_for_end()

    with nothing_left_behind(), foreign_server(script) as address:
        chat = chat_client.connect(address, nick="ana", on_event=(recorder := Recorder()))
        room = chat.join("lobby")

        def close() -> None:
            eventually(lambda: recorder.of(chat_client.Postponed))
            chat.close()

        closer = threading.Thread(target=close)
        closer.start()
        with pytest.raises(Closed):
            room.say("hi")
        closer.join(DEADLINE)


def test_each_message_once_and_in_order() -> None:
    """What a server repeats, or sends for a room that we are not in, is not heard."""

    def script(line: Line) -> None:
        line.welcome()
        line.admit(1)
        for seq in (1, 2, 2, 3, 1, 0, -5, 2**60, 10**30, 4):
            line.post("lobby", seq, f"number {seq}")
        line.post("elsewhere", 1, "what?")
        line.send("unheard_of", member=[{}])
        line.post("lobby", 5, "end", member="new")
        line.wait_for_end()

    recorder = Recorder()
    with (
        foreign_server(script) as address,
        chat_client.connect(address, nick="ana", on_event=recorder) as chat,
    ):
        assert chat.join("lobby").wait_for(5, DEADLINE)
    assert [message.seq for message in recorder.of(Message)] == [2, 3, 4, 5]


def test_a_log_that_begins_anew() -> None:
    """A server that lost its data is heard from where it is now."""

    def first(line: Line) -> None:
        line.welcome()
        line.admit(100)

    def second(line: Line) -> None:
        line.welcome()
        line.admit(3)
        line.post("lobby", 4, "new")
        line.wait_for_end()

    with (
        foreign_server(first, second) as address,
        chat_client.connect(address, nick="ana") as chat,
    ):
        assert next(chat.join("lobby")).text == "new"


def test_what_is_no_longer_kept_is_told() -> None:
    """Who comes back, or goes far back, hears how much the server has forgotten."""

    def first(line: Line) -> None:
        line.welcome()
        line.admit(10)

    def second(line: Line) -> None:
        line.welcome()
        join = line.expect("join")
        line.send("ok", re=join["id"], room="lobby", seq=50, members=3, topic="", oldest=31)
        for seq in range(31, 51):
            line.post("lobby", seq, f"number {seq}")
        line.wait_for_end()

    recorder = Recorder()
    with (
        foreign_server(first, second) as address,
        chat_client.connect(address, nick="ana", on_event=recorder) as chat,
    ):
        assert chat.join("lobby").wait_for(50, DEADLINE)
    assert recorder.of(chat_client.Entered) == [
        chat_client.Entered("lobby", "", 1, 10, 10, 0, again=False),
        chat_client.Entered("lobby", "", 3, 10, 50, 20, again=True),
    ]


def test_measures_the_way_there_and_back() -> None:
    """A pong to another ping, or to no ping, measures nothing."""

    def script(line: Line) -> None:
        line.welcome()
        line.send("pong", re=77)
        ping = line.expect("ping")
        assert ping["id"] > 0
        line.send("pong", re=ping["id"])
        line.wait_for_end()

    with foreign_server(script) as address, chat_client.connect(address, nick="ana") as chat:
        assert chat.round_trip is None
        chat.measure()
        assert eventually(lambda: (chat.round_trip or 0) > 0)
    assert chat.round_trip is None


def test_a_retry_is_made_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Now rather than after the delay; and with a pause not before that."""
    monkeypatch.setattr(reader_module, "_FIRST_DELAY", 3600.0)
    monkeypatch.setattr(reader_module, "_LONGEST_DELAY", 3600.0)

    def come_and_go(line: Line) -> None:
        line.welcome()

    def stay(line: Line) -> None:
        line.welcome()
        line.wait_for_end()

    recorder = Recorder()
    with (
        foreign_server(come_and_go, stay) as address,
        chat_client.connect(address, nick="ana", on_event=recorder) as chat,
    ):
        eventually(lambda: recorder.of(chat_client.Reconnecting))
        chat.pause()
        assert not chat.connected
        chat.retry()
        eventually(lambda: len(recorder.of(Connected)) == 2)


def test_replies_that_are_no_replies() -> None:
    """A reply that lacks what belongs there, or is of another type, is the server's mistake."""

    def script(line: Line) -> None:
        line.welcome()
        line.admit()
        line.send("ok", re=77)
        line.send("error", re=None, code="odd", text="?")
        line.send("ok", re=line.expect("say")["id"])
        line.send("page", re=line.expect("say")["id"], more=False)
        line.send("ok", re=line.expect("who")["id"])
        line.send("page", re=line.expect("who")["id"], more=True)
        line.wait_for_end()

    with foreign_server(script) as address, chat_client.connect(address, nick="ana") as chat:
        room = chat.join("lobby")
        for ask in (lambda: room.say("hi"), lambda: room.say("hi"), room.who):
            with pytest.raises(ChatError, match="broke the protocol"):
                ask()
        assert room.who() == []


def test_answers_pings_and_asks_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that falls silent is asked, and given up if it stays so."""
    monkeypatch.setattr(reader_module, "_SILENCE", 0.1)

    def first(line: Line) -> None:
        line.welcome()
        line.send("ping", id=5)
        assert line.expect("pong")["re"] == 5
        assert line.expect("ping")
        line.send("pong", re=1)
        assert line.expect("ping")
        with pytest.raises(EOFError):
            line.receive()

    def second(line: Line) -> None:
        line.welcome()
        line.send("goodbye", code="kicked", text="Enough.")

    recorder = Recorder()
    with (
        foreign_server(first, second) as address,
        chat_client.connect(address, nick="ana", on_event=recorder),
    ):
        eventually(lambda: recorder.of(Ended))
    assert "does not answer any more" in recorder.of(chat_client.Reconnecting)[0].reason


def test_a_server_that_stops_reading_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be sent for so long breaks the connection; no caller is stuck in a send."""
    monkeypatch.setattr(reader_module, "_SILENCE", 0.2)
    recorder = Recorder()

    def first(line: Line) -> None:
        line.welcome()
        line.admit()
        eventually(lambda: recorder.of(chat_client.Reconnecting))

    def second(line: Line) -> None:
        line.welcome()
        line.admit()
        for _ in range(300):
            line.send("ok", re=line.expect("say")["id"], seq=1)
        line.wait_for_end()

    with (
        foreign_server(first, second) as address,
        chat_client.connect(address, nick="ana", on_event=recorder) as chat,
        ThreadPoolExecutor(300) as pool,
    ):
        room = chat.join("lobby")
        said = [pool.submit(room.say, "漢" * 4000) for _ in range(300)]
        assert [each.result(DEADLINE) for each in said] == [1] * 300
