"""The Python API against a real server."""

import threading
from itertools import islice

import pytest

import chat_client
from chat_client import Chat, Closed, Connected, Ended, Event, Message, Presence, Refused, Room
from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.recorder import Recorder
from tests.support.waiting import DEADLINE, eventually


def test_a_bot_in_ten_lines(address: str, ana: Chat) -> None:
    """The bot of the documentation: it answers, until it is told to stop."""

    def bot() -> None:
        with chat_client.connect(address, nick="bot") as chat:
            room = chat.join("lobby")
            ready.set()
            for message in room:
                if message.text == "stop":
                    break
                if message.from_ != chat.nick:
                    room.say(f"{message.from_} said {message.text}")

    ready = threading.Event()
    thread = threading.Thread(target=bot)
    thread.start()
    assert ready.wait(DEADLINE)
    room = ana.join("lobby", bots=True)
    assert room.say("hi") == 1
    assert [message.text for message in islice(room, 2)] == ["hi", "ana said hi"]
    room.say("stop")
    thread.join(DEADLINE)
    assert not thread.is_alive()


def test_pages_through_who_and_rooms(ana: Chat, bob: Chat) -> None:
    """A list that does not fit one frame arrives whole."""
    topic = "漢" * 3900
    names = [f"room-{number:02}" for number in range(12)]
    for name in names:
        ana.join(name).set_topic(topic)
    assert [entry.room for entry in bob.rooms()] == names
    assert {entry.topic for entry in bob.rooms()} == {topic}
    assert bob.join("room-00").who() == ["ana", "bob"]


def test_people(ana: Chat, bob: Chat) -> None:
    """Telling somebody, another nick, a topic."""
    room = ana.join("lobby")
    with pytest.raises(Refused) as caught:
        ana.tell("nobody", "hi")
    assert caught.value.code == "no_such_nick"
    with pytest.raises(Refused) as caught:
        ana.rename("bob")
    assert caught.value.code == "nick_in_use"
    assert ana.rename("anna") == ana.nick == "anna"
    assert room.set_topic("tests") == 1
    assert (next(room).kind, room.topic) == ("topic", "tests")
    assert bob.join("lobby").topic == "tests"
    room.set_topic("")
    assert (next(room).text, room.topic) == ("", "")


def test_events_come_in_order(address: str, bob: Chat) -> None:
    """All that happens, rooms and people alike, reaches whoever listens."""
    recorder = Recorder()
    with chat_client.connect(address, nick="ana", on_event=recorder) as ana:
        room = ana.join("lobby")
        bob.join("lobby").say("hi")
        room.wait_for(1)  # a room's messages and those to one person are two streams
        bob.tell("ana", "psst")
        eventually(lambda: recorder.of(chat_client.Direct))
        eventually(lambda: any("bob" in event.joined for event in recorder.of(Presence)))
    events = [type(event) for event in recorder.events if not isinstance(event, Presence)]
    assert events == [Connected, chat_client.Entered, Message, chat_client.Direct, Ended]
    assert recorder.events[-1] == Ended(None)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad_text"),
        (" \n", "bad_text"),
        ("\x1b[31m", "bad_text"),
        ("half \ud83d", "bad_text"),
        ("x" * 4001, "text_too_long"),
        ("漢" * 100_000, "text_too_long"),
    ],
)
def test_refuses_what_no_server_takes(ana: Chat, text: str, code: str) -> None:
    """The rule is named at once, and the chat goes on."""
    room = ana.join("lobby")
    topic = room.set_topic if text else room.say  # an empty one clears it
    for say in (room.say, topic, lambda text: ana.tell("ana", text)):
        with pytest.raises(Refused) as caught:
            say(text)
        assert caught.value.code == code
    with pytest.raises(Refused):
        room.search(text, 5)
    assert room.say("fine")


@pytest.mark.parametrize("nick", ["", "two words", "@x", "x" * 33, "half\ud83d"])
def test_refuses_what_is_no_nick(address: str, ana: Chat, nick: str) -> None:
    """At the start and later."""
    with pytest.raises(Refused):
        chat_client.connect(address, nick=nick)
    with pytest.raises(Refused):
        ana.rename(nick)


@pytest.mark.usefixtures("ana")
def test_a_nick_in_use(address: str) -> None:
    """A nick that was asked for is refused; a login name gets a number."""
    with pytest.raises(Refused) as caught:
        chat_client.connect(address, nick="ANA")
    assert caught.value.code == "nick_in_use"
    with chat_client.connect(address) as one, chat_client.connect(address) as two:
        assert two.nick == f"{one.nick}2"


def test_closing_wakes_whoever_waits(address: str) -> None:
    """Readers end, requests raise, and closing twice is closing once."""
    chat = chat_client.connect(address, nick="ana")
    room = chat.join("lobby")
    read: list[Message] = []
    reader = threading.Thread(target=lambda: read.extend(room))
    reader.start()
    chat.close()
    reader.join(DEADLINE)
    assert not reader.is_alive()
    chat.close()
    assert not chat.connected
    with pytest.raises(Closed):
        room.say("too late")
    with pytest.raises(Closed):
        chat.join("ops")


def test_the_listener_may_not_wait_for_a_reply(address: str) -> None:
    """It would wait for itself: that is said, rather than done. Closing is allowed."""
    refused: list[RuntimeError] = []
    rooms: list[Room] = []

    def listen(event: Event) -> None:
        if isinstance(event, Message):
            try:
                rooms[0].say("answer")
            except RuntimeError as error:
                refused.append(error)
                chat.close()

    chat = chat_client.connect(address, nick="ana", on_event=listen)
    rooms.append(chat.join("lobby"))
    rooms[0].say("hi")
    assert [message.text for message in rooms[0]] == ["hi"]
    assert refused
    chat.close()


def test_many_threads_share_a_chat(ana: Chat) -> None:
    """Each gets the reply to what it said, and the room has it all once."""
    room = ana.join("lobby")
    seqs: list[int] = []
    lock = threading.Lock()

    def talk(name: int) -> None:
        for number in range(50):
            seq = room.say(f"{name} {number}")
            with lock:
                seqs.append(seq)

    talkers = [threading.Thread(target=talk, args=(name,)) for name in range(8)]
    for talker in talkers:
        talker.start()
    for talker in talkers:
        talker.join()
    assert sorted(seqs) == list(range(1, 401))
    assert [message.seq for message in islice(room, 400)] == list(range(1, 401))


def test_what_is_sent_to_who_is_away_waits(address: str, ana: Chat, bob: Chat) -> None:
    """`tell` says so, and still returns the nick; it comes once, with its number, as an event."""
    bob.register("correct horse")
    assert bob.keep_late() is True
    assert ana.tell("bob", "now") == "bob"
    bob.close()
    told = ana.tell("bob", "later")
    assert (told, told.kept) == ("bob", True)
    recorder = Recorder()
    with chat_client.connect(
        address, nick="bob", account_password="correct horse", on_event=recorder
    ) as again:
        (late,) = eventually(lambda: recorder.of(chat_client.Direct))
        assert (late.text, isinstance(late.late, int)) == ("later", True)
        assert again.keep_late(False) is False
    with pytest.raises(Refused) as caught:
        ana.tell("bob", "never")
    assert caught.value.code == "no_such_nick"


def test_a_late_message_that_comes_again_is_passed_over() -> None:
    """The server had no pong for it: the connection broke just then."""
    recorder = Recorder()

    def script(line: Line) -> None:
        line.welcome()
        for number in (3, 4, 3):
            line.send(
                "direct",
                **{"time": 1.0, "from": "bob", "to": "ana", "text": f"{number}", "late": number},
            )
        line.wait_for_end()

    with (
        foreign_server(script) as address,
        chat_client.connect(address, nick="ana", on_event=recorder) as chat,
    ):
        eventually(lambda: len(recorder.of(chat_client.Direct)) == 2)
        chat.close()
    assert [direct.text for direct in recorder.of(chat_client.Direct)] == ["3", "4"]
