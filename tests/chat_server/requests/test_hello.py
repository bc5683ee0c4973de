"""The first frame: who may come in, and what the server tells them."""

import threading
from typing import Any

import pytest

from chat_server.rooms.people.session import Session
from chat_server.server import Server
from tests.chat_server.house import House
from tests.support.clock import ManualClock
from tests.support.peer import Peer, encode, pack
from tests.support.servers import address_of, running_server
from tests.support.waiting import DEADLINE

HELLO = {"type": "hello", "version": 1, "nick": "ada"}


def test_welcome_carries_what_the_document_lists(house: House) -> None:
    """version, server, session, nick, limits and motd."""
    welcome = house.connect().hello("ada")
    assert welcome["type"] == "welcome"
    assert welcome["version"] == 1
    assert welcome["nick"] == "ada"
    assert isinstance(welcome["server"], str)
    assert welcome["server"]
    assert isinstance(welcome["motd"], str)
    limits = welcome["limits"]
    shown = [limits[name] for name in ("frame", "text", "nick", "room")]
    assert shown == [65536, 4000, 32, 50]


def test_welcome_names_the_server_and_its_version(house: House) -> None:
    """`server` is a name and a version."""
    server = house.connect().hello("ada")["server"]
    assert any(character.isdigit() for character in server)
    assert any(character.isalpha() for character in server)


def test_welcome_shows_the_message_of_the_day() -> None:
    """`motd` is what the operator set."""
    with running_server(motd="Be kind.") as server, House(address_of(server)) as house:
        assert house.connect().hello("ada")["motd"] == "Be kind."


def test_a_session_is_a_secret_of_its_own(house: House) -> None:
    """128 random bits take 22 characters of base 64 at the least; no two are alike."""
    sessions = [house.connect().hello(f"ada{number}")["session"] for number in range(20)]
    assert len(set(sessions)) == 20
    assert all(len(session) >= 22 for session in sessions)
    assert len({session[:8] for session in sessions}) == 20


@pytest.mark.parametrize(
    ("nick", "shown"), [("Ada", "Ada"), ("\uff21da", "Ada"), ("e\u0301va", "éva"), (" ada ", "ada")]
)
def test_the_nick_comes_back_as_the_server_normalised_it(
    house: House, nick: str, shown: str
) -> None:
    """A client shows what the others see."""
    assert house.connect().hello(nick)["nick"] == shown


def test_optional_members_are_taken(house: House) -> None:
    """`client` and `password` may be there where nobody asks for them."""
    assert house.connect().hello("ada", client="test/1", password="x")["type"] == "welcome"


FIRST: list[dict[str, Any]] = [
    {"type": "ping", "id": 1},
    {"type": "pong", "re": 1},
    {"type": "join", "id": 1, "room": "lobby"},
    {"type": "say", "id": 1, "room": "lobby", "text": "hi"},
    {"type": "rooms", "id": 1},
    {"type": "bye", "id": 1},
]


@pytest.mark.parametrize("frame", FIRST, ids=lambda frame: frame["type"])
def test_anything_else_first_is_hello_required(house: House, frame: dict[str, Any]) -> None:
    """Fatal: the error, the goodbye with its code, the close."""
    peer = house.connect()
    peer.send(frame)
    error, goodbye = peer.expect_end("hello_required")
    assert (error["type"], error["code"]) == ("error", "hello_required")
    assert error["re"] in (None, frame.get("id"))
    assert goodbye["type"] == "goodbye"


@pytest.mark.parametrize("frame", [{}, {"type": "shout", "id": 1}, {"type": "welcome"}])
def test_no_request_at_all_first_lets_nobody_in(house: House, frame: dict[str, Any]) -> None:
    """Whether the type is unknown or the hello is missing counts for more is open."""
    peer = house.connect()
    peer.send(frame)
    error = peer.expect("error")
    assert error["code"] in ("hello_required", "bad_request")


@pytest.mark.parametrize("payload", [b"GET / HTTP/1.1", b"[]", b"5", b'"hello"', b"{", b"\xff"])
def test_no_json_object_first_is_a_bad_frame(house: House, payload: bytes) -> None:
    """Fatal, before hello as after it."""
    peer = house.connect()
    peer.send_raw(pack(payload))
    peer.expect_fatal("bad_frame")


@pytest.mark.parametrize("version", [0, 2, 99, -1])
def test_another_version_is_not_spoken(house: House, version: int) -> None:
    """Fatal: there is nothing to talk about."""
    peer = house.connect()
    peer.send({**HELLO, "version": version})
    peer.expect_fatal("unsupported_version")


@pytest.mark.parametrize("members", [{}, {"nick": "ada", "features": ["new"]}, {"nick": 5}])
def test_another_version_may_have_other_members(house: House, members: dict[str, Any]) -> None:
    """So the client is told the version, and not what is wrong with its members in ours."""
    peer = house.connect()
    peer.send({"type": "hello", "version": 2, **members})
    peer.expect_fatal("unsupported_version")


WRONG: list[dict[str, Any]] = [
    {"type": "hello", "version": 1},
    {"type": "hello", "nick": "ada"},
    {**HELLO, "version": "1"},
    {**HELLO, "version": True},
    {**HELLO, "nick": 5},
    {**HELLO, "nick": None},
    {**HELLO, "colour": "red"},
    {**HELLO, "session": 5},
]


@pytest.mark.parametrize("frame", WRONG, ids=str)
def test_a_hello_with_wrong_members_is_a_bad_request(house: House, frame: dict[str, Any]) -> None:
    """It is a hello, so it is answered as any other request; the client may say it again."""
    peer = house.connect()
    peer.send(frame)
    error = peer.expect("error", code="bad_request", re=None)
    assert error["text"]
    assert peer.hello("ada")["type"] == "welcome"


@pytest.mark.parametrize("nick", ["", "a b", "#a", "@a", "/a", "x" * 33, "a\nb", "a\x1b[2J"])
def test_a_bad_nick_is_not_fatal(house: House, nick: str) -> None:
    """In reply to hello the client may say hello again."""
    peer = house.connect()
    peer.send({**HELLO, "nick": nick})
    error = peer.expect("error", code="bad_nick", re=None)
    assert error["text"]
    assert peer.hello("ada")["nick"] == "ada"


@pytest.mark.parametrize("other", ["ada", "ADA", "aDa", "\uff21\uff24\uff21"])
def test_a_nick_that_compares_equal_is_in_use(house: House, other: str) -> None:
    """Case and width make no difference; and it is not fatal."""
    house.enter("Ada")
    peer = house.connect()
    assert peer.hello(other)["code"] == "nick_in_use"
    assert peer.hello("eva")["type"] == "welcome"


def test_a_nick_is_free_once_its_owner_is_gone(house: House) -> None:
    """A clean bye frees it before the connection ends."""
    ada = house.enter("ada")
    ada.ok("bye")
    ada.expect_end("bye")
    assert house.connect().hello("ada")["type"] == "welcome"


def test_a_second_hello_changes_nothing(house: House) -> None:
    """It is refused, and the session stays as it was."""
    ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
    assert ada.hello("zoe")["type"] == "error"
    eva.say("lobby", "who is there?")
    assert eva.page("who", room="lobby")["members"] == ["ada", "eva"]


def test_a_hello_may_come_byte_by_byte(house: House) -> None:
    """A frame may arrive in any number of pieces."""
    peer = house.connect()
    for byte in encode(HELLO):
        peer.send_raw(bytes([byte]))
    assert peer.expect("welcome")["nick"] == "ada"


def test_requests_may_stand_behind_the_hello_in_one_piece(house: House) -> None:
    """Many frames may arrive in one piece."""
    peer = house.connect()
    join, ping = {"type": "join", "id": 1, "room": "lobby"}, {"type": "ping", "id": 2}
    peer.send_raw(encode(HELLO) + encode(join) + encode(ping))
    assert peer.expect("welcome")["nick"] == "ada"
    assert peer.reply(1)["type"] == "ok"
    assert peer.reply(2)["type"] == "pong"


def test_who_says_nothing_is_gone_after_the_hello_timeout() -> None:
    """A silent connection does not stay."""
    with running_server(hello_timeout=0.2) as server, House(address_of(server)) as house:
        house.connect().expect_fatal("hello_timeout")


def test_a_byte_now_and_then_does_not_extend_the_hello_timeout() -> None:
    """The time counts from the connection, not from the last byte."""
    with running_server(hello_timeout=0.3) as server, House(address_of(server)) as house:
        peer = house.connect()
        for byte in encode(HELLO)[:-1]:
            peer.send_raw(bytes([byte]))
            try:
                peer.queue.append(peer.receive(within=0.05))
            except TimeoutError:
                continue
            break
        peer.expect_fatal("hello_timeout")


def test_who_said_hello_in_time_stays() -> None:
    """The hello timeout is over once hello was said."""
    with running_server(hello_timeout=0.2) as server, House(address_of(server)) as house:
        ada = house.enter("ada")
        house.connect().expect_fatal("hello_timeout")
        ada.ping()


def _silent(house: House) -> Peer:
    """Connect and say nothing; return when the server has accepted that."""
    silent = house.connect()
    house.connect().hello("a b")  # what was accepted later is answered
    return silent


def _pass_time(server: Server, clock: ManualClock, seconds: float) -> None:
    """Let time pass a bit at a time, and the server do what is due: a jump is a server that stood
    still.
    """
    while seconds > 0:
        clock.advance(min(seconds, 0.5))
        seconds -= 0.5
        done = threading.Event()
        server.timers.call_later(0.0, done.set)
        server.timers.wake()
        assert done.wait(DEADLINE)


def test_who_has_to_wait_has_that_much_more_time_for_the_next_hello() -> None:
    """`retry_after` may be longer than the hello timeout; a minute at most is added."""
    clock = ManualClock()
    settings: dict[str, Any] = {"password": "correct", "hello_timeout": 10.0}
    with running_server(clock=clock, **settings) as server, House(server) as house:
        wait = 0.0
        while wait <= 10.0:
            clock.advance(wait)
            assert house.connect().hello("eva", password="wrong")["type"] == "error"
            peer = house.connect()
            answer = peer.hello("ada", password="correct")
            wait = answer.get("retry_after", 0.0)
            if answer["type"] == "welcome":
                peer.ok("bye")
        assert wait <= 60.0
        silent = _silent(house)
        _pass_time(server, clock, wait + 0.1)
        silent.expect_fatal("hello_timeout")
        assert peer.hello("ada", password="correct")["type"] == "welcome"


@pytest.mark.parametrize(("nick", "code"), [("eva", "nick_in_use"), ("a b", "bad_nick")])
def test_who_has_to_choose_another_nick_has_a_minute(nick: str, code: str) -> None:
    """And no longer: the connection ends after it and the hello timeout."""
    clock = ManualClock()
    with running_server(clock=clock, hello_timeout=10.0) as server, House(server) as house:
        house.enter("eva")
        slow, gone = house.connect(), house.connect()
        silent = _silent(house)
        assert slow.hello(nick)["code"] == code
        assert gone.hello(nick)["code"] == code
        _pass_time(server, clock, 59.0)
        silent.expect_fatal("hello_timeout")
        assert slow.hello("ada")["type"] == "welcome"
        _pass_time(server, clock, 12.0)
        gone.expect_fatal("hello_timeout")


def test_nothing_comes_ahead_of_the_welcome(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a client would take the server for another: what others tell it meanwhile comes behind."""
    with running_server() as server, House(server) as house:
        ada, permissions = house.enter("ada"), server._parts.permissions
        session, check = house.enter("eva").session, permissions.check_person
        told: list[str] = []

        def check_person(session: Session, host: str) -> None:
            """With the nick taken, and the welcome not sent."""
            check(session, host)
            if session.nick == "eva":
                told.extend(ada.request("tell", to="eva", text=f"{n}")["type"] for n in range(22))

        monkeypatch.setattr(permissions, "check_person", check_person)
        eva = house.enter("eva", session=session)
        assert [eva.expect("direct")["text"] for _ in range(20)] == [f"{n}" for n in range(20)]
    assert told == 20 * ["ok"] + 2 * ["error"]
