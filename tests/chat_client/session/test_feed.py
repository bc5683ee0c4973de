"""The messages of a room, as a reader gets them: each once, and in order."""

import pytest

import chat_client
from chat_client import Message
from chat_client.session.feed import Feed
from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.recorder import Recorder
from tests.support.waiting import DEADLINE

pytestmark = pytest.mark.usefixtures("_quick")


def test_each_message_once_and_in_order() -> None:
    """The client ignores repeated messages, and messages of rooms that it is not in."""

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
    """A client that comes back, or goes far back, is told how many messages are gone."""

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


def message(seq: int, text: str) -> Message:
    """One of the lobby."""
    return Message(room="lobby", seq=seq, time=1.0, from_="ana", kind="text", text=text)


def feed_of(count: int) -> Feed:
    """A feed that heard so many messages of a log."""
    feed = Feed("lobby", 0, "", "A")
    for seq in range(1, count + 1):
        assert feed.hear(message(seq, f"old {seq}"))
    return feed


@pytest.mark.parametrize("read", [0, 1, 3, 5])
@pytest.mark.parametrize("diverged", [0, 2, 3, 5])
def test_the_reader_gets_what_the_new_log_has_behind_the_divergence(
    read: int, diverged: int
) -> None:
    """Wherever it is: nothing of the new log is missing or doubled, nothing old comes after."""
    feed = feed_of(5)
    for _ in range(read):
        assert feed.take()
    assert feed.resume(9, "", "B", diverged) == 5 - diverged
    assert feed.place == (diverged, "B")
    for seq in range(diverged + 1, 10):
        assert feed.hear(message(seq, f"new {seq}"))
    got = []
    while (taken := feed.take()) is not None:
        got.append(taken.text)
    begin = min(read, diverged)
    assert got == [f"old {n}" for n in range(begin + 1, diverged + 1)] + [
        f"new {n}" for n in range(diverged + 1, 10)
    ]


def test_a_reader_that_waited_when_the_log_was_replaced_gets_nothing_old() -> None:
    """It found something to read, and a moment later that is gone."""
    feed = feed_of(2)
    assert feed.wait()
    feed.resume(0, "", "B", 0)
    assert feed.take() is None


def test_pages_of_the_log_before_are_not_taken() -> None:
    """They were asked for before the divergence, and came after it."""
    feed = feed_of(1500)
    divergences = feed.read.divergences
    feed.resume(3, "", "B", 2)
    assert not feed.skip_to(1000, divergences)
    assert feed.read.read == 0
