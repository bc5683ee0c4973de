"""What is for one person reaches that person, or nobody; it is never read in a room."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import chat_client
from chat_client import Closed, Refused
from chat_client.commands.command import Typed
from chat_client.commands.parse import parse
from chat_client.display.state.model import View
from chat_client.display.state.people import Person
from chat_client.display.terminal_lines import Lines
from chat_client.errors import CommandError
from chat_client.events import Connected, Entered
from chat_client.session import reader as reader_module
from protocol.messages import Direct, Presence
from tests.chat_client.programs import Terminal
from tests.chat_server.house import House
from tests.support.peer import Peer
from tests.support.servers import ServerProcess
from tests.support.waiting import eventually


@pytest.fixture
def view() -> View:
    """Ana's, with ben and eve in both of her rooms."""
    made = View(Lines(), "server", "on")
    list(made.take(Connected("ana", "s/1", "", again=False)))
    for room in ("lobby", "ops"):
        list(made.take(Entered(room, "", 3, 0, 0, 0, again=False)))
        made.rooms[room].nicks = {"ana", "ben", "eve"}
    return made


def stir(view: View, room: str, *renamed: tuple[str, str], left: tuple[str, ...] = ()) -> None:
    list(view.take(Presence(room, [], list(left), list(renamed), 3)))


SWAP = (("ben", "benjamin"), ("eve", "ben"))


def make_older(person: Person) -> None:
    """Let it be a minute since somebody wrote."""
    assert person.wrote is not None
    person.wrote -= 60.0


def by_query(view: View) -> Callable[[], Typed]:
    view.start_query("ben")
    return lambda: parse("psst", view)


def by_reply(view: View) -> Callable[[], Typed]:
    list(view.take(Direct(0.0, "ben", "ana", "hi")))
    assert view.writer is not None
    make_older(view.writer)
    return lambda: parse("/answer psst", view)


def by_me(view: View) -> Callable[[], Typed]:
    view.start_query("Ben")
    return lambda: parse("/me hugs you", view)


WAYS = pytest.mark.parametrize("way", [by_query, by_reply, by_me])


@WAYS
def test_it_follows_a_new_nick(view: View, way: Callable[[View], Callable[[], Typed]]) -> None:
    """Also to one that somebody else had, and whichever room tells it first."""
    typed = way(view)
    for room in ("lobby", "ops"):
        stir(view, room, *SWAP)
    to = typed().to
    assert to is not None
    assert (typed().doubt, to.now()) == ("", "benjamin")
    assert typed().again.startswith("/msg benjamin ")


@WAYS
def test_rooms_that_disagree_are_waited_for(
    view: View, way: Callable[[View], Callable[[], Typed]]
) -> None:
    """A room that announces a nick late does not mislead: benjamin was somebody else there."""
    typed = way(view)
    stir(view, "lobby", ("benjamin", "zed"), ("ben", "benjamin"))
    to = typed().to
    assert to is not None
    assert typed().doubt
    with pytest.raises(CommandError):
        to.now()
    stir(view, "ops", ("benjamin", "zed"), ("ben", "benjamin"))
    assert (typed().doubt, to.now()) == ("", "benjamin")


@WAYS
def test_where_nobody_can_know_it_asks(
    view: View, way: Callable[[View], Callable[[], Typed]]
) -> None:
    """The person left every shared room, or the connection was lost for a while."""
    typed = way(view)
    stir(view, "lobby", left=("ben",))
    assert not typed().doubt
    stir(view, "ops", left=("ben",))
    doubted = typed()
    assert "no room of yours" in doubted.doubt
    assert doubted.to is not None
    stir(view, "lobby")
    view.rooms["lobby"].nicks.add("ben")
    view.renew(doubted.to)
    assert not typed().doubt
    list(view.take(Connected("ana", "s/1", "", again=True)))
    assert "the connection was lost" in typed().doubt


def test_somebody_in_no_shared_room_is_asked_about(view: View) -> None:
    """No event would tell of a new nick. Who is named on the spot is meant."""
    view.start_query("zoe")
    assert "no room of yours" in parse("psst", view).doubt
    assert not parse("/msg zoe psst", view).doubt


def test_an_old_nick_is_asked_about(view: View) -> None:
    """The person who had it is not the person who has it now."""
    parse("/msg ben hi", view)
    for room in ("lobby", "ops"):
        stir(view, room, *SWAP)
    assert "benjamin" in parse("/msg ben psst", view).doubt
    assert not parse("/msg benjamin psst", view).doubt


def test_why_the_user_is_away_is_told_to_who_wrote(view: View) -> None:
    """And to nobody who has that nick by then."""
    view.leave_for("at the doctor's")
    list(view.take(Direct(0.0, "ben", "ana", "hi")))
    make_older(view.answers[0])
    for room in ("lobby", "ops"):
        stir(view, room, *SWAP)
    assert [person.now() for person in view.answers] == ["benjamin"]


def test_a_nick_that_changes_hands_when_one_is_written_to_is_asked_about(view: View) -> None:
    """Was it eve, who is ben now, or the one who is benjamin now? The server tells of that late."""
    view.start_query("ben")
    view.leave_for("")
    list(view.take(Direct(0.0, "ben", "ana", "hi")))
    for room in ("lobby", "ops"):
        stir(view, room, *SWAP)
    reply = parse("/answer psst", view)
    assert "ben took another nick just when you were written to" in reply.doubt
    assert reply.to is not None
    assert reply.to.nick == "ben"  # and so the question is whether to send it to ben
    for person in (reply.to, *view.answers):
        with pytest.raises(CommandError):
            person.now()
    followed = parse("psst", view)  # whom the user named before is followed all the same
    assert (followed.doubt, followed.to and followed.to.now()) == ("", "benjamin")
    assert "benjamin" in parse("/msg ben psst", view).doubt


def test_a_room_that_is_entered_late_does_not_end_a_query(view: View) -> None:
    """The text typed meanwhile is for one person."""
    view.start_query("ben")
    list(view.take(Entered("slow", "", 1, 0, 0, 0, again=False)))
    view.end_query(0.0)  # /join was typed before
    assert parse("psst", view).to is view.query is not None


def test_who_is_hidden_stays_hidden(view: View) -> None:
    """Under a new nick, too. A person who takes the old nick is shown."""
    kept: list[set[str]] = []
    view = View(Lines(), "server", "on", ["ben"], lambda nicks: kept.append(set(nicks)))
    for room in ("lobby", "ops"):
        list(view.take(Entered(room, "", 3, 0, 0, 0, again=False)))
    stir(view, "lobby", ("benjamin", "zed"), *SWAP)
    stir(view, "ops", ("benjamin", "zed"), *SWAP)
    assert [view.hides(nick) for nick in ("benjamin", "ben", "eve", "zed")] == [True] + [False] * 3
    assert kept[-1] == {"benjamin"}


def test_on_a_terminal(ana: Terminal, bob: Peer, host: House) -> None:
    """/me in a query is private; bob's new nick gets what is typed, and who takes his does not."""
    with Peer.connect(host.address) as eve:
        eve.hello("eve")
        eve.join("lobby")
        ana.see("eve joined")
        ana.enter("/query bob")
        ana.see_input("[to bob]")
        ana.enter("/me hugs you")
        assert bob.expect("direct")["text"] == "* ana hugs you"
        bob.ok("nick", nick="robert")
        eve.ok("nick", nick="bob")
        ana.see("eve is now bob")
        ana.see_input("[to robert]")
        ana.enter("still you?")
        assert bob.expect("direct")["text"] == "still you?"
        bob.ok("leave", room="lobby")
        ana.see("robert left")
        ana.enter("and now?")
        ana.see_wrapped("send it to robert? (y/n)")
        ana.type("n")
        ana.see_input("[to robert] and now?")
        ana.type("\ry")
        assert bob.expect("direct")["text"] == "and now?"
        eve.say("lobby", "over")
        frames = [*eve.queue, *bob.queue]
        assert not [frame for frame in frames if frame["type"] in ("message", "direct")]


def test_is_not_sent_on_another_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nick may be somebody else's by then."""
    monkeypatch.setattr(reader_module, "_FIRST_DELAY", 0.1)
    server = ServerProcess.serve(tmp_path)
    try:
        with (
            chat_client.connect(server.address, nick="ana") as ana,
            ThreadPoolExecutor() as threads,
        ):
            server.kill()
            eventually(lambda: not ana.connected)
            ana.pause()
            told = threads.submit(ana.tell, "ben", "psst")
            eventually(lambda: ana._session._pending._by_id)
            server = server.restarted()
            with Peer.connect(server.address) as ben:
                ben.hello("ben")
                ana.retry()
                error = told.exception()
                assert isinstance(error, Refused)
                assert not isinstance(error, Closed)
                assert "to somebody else" in error.text
                ana.tell("ben", "on purpose")
                assert ben.expect("direct")["text"] == "on purpose"
                assert not [frame for frame in ben.queue if frame["type"] == "direct"]
    finally:
        server.kill()
