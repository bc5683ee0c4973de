"""A lesson in which everything is done that a lesson has, and nobody disturbs it."""

import csv
from pathlib import Path

import pytest

from tests.chat_server.admin.folders import Operator
from tests.lessons.classroom import CHANNEL, LINES, ROOM, Classroom, WebSocketPeer, classroom
from tests.support.waiting import eventually

pytestmark = pytest.mark.long

QUESTION = "Is recv blocking?"
OPTIONS = ["yes", "no", "it depends"]
CODE = """\
def echo(connection):
    while data := connection.recv(1024):
        connection.sendall(data)"""


def test_a_calm_lesson(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Everybody sees each entry once and in order; who comes later sees the latest state."""
    with classroom(tmp_path) as lesson:
        teacher = lesson.teacher.peer
        teacher.ok("topic", room=ROOM, topic="Sockets that block")
        lesson.native[0].peer.refused("forbidden", "topic", room=ROOM, topic="Break")
        greet(lesson)
        lesson.check_all("good morning, all")
        take_questions(lesson)
        lesson.check_all("no more questions")
        teacher.ok("say", room=ROOM, text=CODE, kind="code", language="python")
        lesson.check_all("that was the code")
        hold_a_poll(lesson)
        lesson.check_all("so much for the poll")
        latest = change_and_pin(lesson)
        lesson.check_all("that was corrected")
        freeze(lesson)
        teacher.ok("announce", text="Exercise 3 is for Thursday.")
        lesson.check_all("the bell rings")
        see_the_latest(lesson, *latest)
        see_who_was_there(lesson, Operator(capsys, lesson.data))


def greet(lesson: Classroom) -> None:
    """Let one of each kind say something, and a reply be given."""
    lesson.web[0].say("good morning from the page")
    asked = lesson.native[0].say("what is a socket?")
    lesson.web[1].say("the end of a connection", reply_to=asked)
    lesson.native[1].say("waves", kind="action")
    lesson.irc[0].ask(f"PRIVMSG {CHANNEL} :good morning from IRC")
    lesson.lines[0].peer.send("good morning from nc")
    lesson.teacher.hear("good morning from nc")


def take_questions(lesson: Classroom) -> None:
    """Let hands go up by every kind of client, and give each the floor in turn."""
    teacher = lesson.teacher.peer
    teacher.ok("freeze", room=ROOM)
    lesson.native[2].peer.refused("muted", "say", room=ROOM, text="may I?")
    assert lesson.native[2].peer.ok("hand", room=ROOM, up=True, question="Why 1024?")["place"] == 1
    assert lesson.web[2].peer.ok("hand", room=ROOM, up=True)["place"] == 2
    lesson.irc[1].ask(f"HAND {CHANNEL} :What ends the loop?")
    lesson.lines[1].peer.send("/hand Is it a thread?")
    queue = eventually(lambda: _of_four(lesson))
    assert [(hand["nick"], hand.get("question", "")) for hand in queue] == [
        ("native2", "Why 1024?"),
        ("web2", ""),
        ("irc1", "What ends the loop?"),
        ("lines1", "Is it a thread?"),
    ]
    assert teacher.ok("next", room=ROOM)["nick"] == "native2"
    lesson.web[2].peer.take(lambda frame: frame["type"] == "place" and frame["place"] == 1)
    floor = lesson.web[3].peer.expect("floor", room=ROOM, nick="native2", question="Why 1024?")
    assert floor["type"] == "floor"
    lesson.native[2].say("I would have taken 4096")
    lesson.web[2].peer.refused("muted", "say", room=ROOM, text="and I")
    assert teacher.ok("next", room=ROOM)["nick"] == "web2"
    lesson.native[2].peer.refused("muted", "say", room=ROOM, text="one more thing")
    lesson.web[2].say("it has one thread for each connection")
    assert teacher.ok("next", room=ROOM)["nick"] == "irc1"
    lesson.irc[1].ask(f"PRIVMSG {CHANNEL} :an empty answer does, I see")
    assert teacher.ok("next", room=ROOM)["nick"] == "lines1"
    assert "nick" not in teacher.ok("next", room=ROOM)
    teacher.ok("unfreeze", room=ROOM)


def _of_four(lesson: Classroom) -> list[dict[str, str]]:
    queue = lesson.teacher.peer.page("hands", room=ROOM)["queue"]
    return queue if len(queue) == 4 else []


def hold_a_poll(lesson: Classroom) -> None:
    """Let everybody vote by their client, some of them twice."""
    teacher = lesson.teacher.peer
    teacher.ok("poll", room=ROOM, question=QUESTION, options=OPTIONS)
    for pupil in lesson.native:
        pupil.peer.ok("vote", room=ROOM, choice=2)
        pupil.peer.ok("vote", room=ROOM, choice=1)
    for page in lesson.web:
        page.peer.ok("vote", room=ROOM, choice=3)
    for irc in lesson.irc:
        irc.ask(f"VOTE {CHANNEL} 1")
    for line in lesson.lines:
        line.peer.send("/vote 2")
    wanted = [len(lesson.native) + len(lesson.irc), LINES, len(lesson.web)]
    teacher.take(lambda frame: frame["type"] == "poll" and frame.get("counts") == wanted)
    teacher.ok("end_poll", room=ROOM)
    (result,) = [entry for entry in lesson.history() if "counts" in entry.get("poll", {})]
    assert result["poll"]["counts"] == wanted
    assert "voters" not in result["poll"]


def change_and_pin(lesson: Classroom) -> tuple[int, int]:
    """Edit a message, delete two, pin one; return the `seq` of the edited and of a deleted one."""
    teacher, author = lesson.teacher.peer, lesson.web[4]
    edited = author.say("recv returns all taht was sent")
    author.peer.ok("edit", room=ROOM, seq=edited, text="recv returns what is there")
    own = author.say("never mind this")
    author.peer.ok("delete", room=ROOM, seq=own)
    other = lesson.native[3].say("ada is silly")
    lesson.web[5].peer.refused("forbidden", "delete", room=ROOM, seq=other)
    lesson.web[5].peer.refused("forbidden", "edit", room=ROOM, seq=other, text="not mine")
    teacher.ok("delete", room=ROOM, seq=other, reason="be kind")
    teacher.ok("pin", room=ROOM, seq=edited)
    return edited, other


def freeze(lesson: Classroom) -> None:
    """Freeze the room for all, and let everybody speak again."""
    lesson.teacher.peer.ok("freeze", room=ROOM)
    for pupil in lesson.framed:
        pupil.peer.refused("muted", "say", room=ROOM, text="not now")
    lesson.teacher.peer.ok("unfreeze", room=ROOM)
    for pupil in lesson.framed:
        pupil.say(f"{pupil.nick} is done")


def see_the_latest(lesson: Classroom, edited: int, deleted: int) -> None:
    """See that newcomers get the latest state of all, by two kinds of clients."""
    history = lesson.history()
    for name, kind in (("late", None), ("later", WebSocketPeer)):
        late = lesson.newcomer(name, kind) if kind else lesson.newcomer(name)
        late.read_up_to(history[-1])
        assert late.entries == history
        assert late.joined["topic"] == "Sockets that block"
        assert "frozen" not in late.joined
        (pin,) = late.peer.expect("pins", room=ROOM)["pins"]
        assert (pin["seq"], pin["text"]) == (edited, "recv returns what is there")
    before, after = history[edited - 1], history[deleted - 1]
    assert (before["text"], before["edited"]) == ("recv returns what is there", True)
    assert (after["text"], after["deleted"]) == ("(deleted)", True)
    assert not any("silly" in entry["text"] for entry in history)


def see_who_was_there(lesson: Classroom, operator: Operator) -> None:
    """See that the operator's export names everybody who was in the room."""
    outcome = operator.done("attendance", "--room", ROOM, "--format", "csv")
    nicks = {row["nick"] for row in csv.DictReader(outcome.lines)}
    assert nicks >= {"teacher", *(pupil.nick for pupil in lesson.pupils)}
