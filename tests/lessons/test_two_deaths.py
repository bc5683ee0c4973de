"""A lesson in which the server is killed twice, in the middle of everything."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.lessons.classroom import (
    CHANNEL,
    NATIVE,
    PASSWORD,
    ROOM,
    WEB,
    Classroom,
    FramePupil,
    classroom,
)
from tests.support.peer import Frame
from tests.support.waiting import eventually

pytestmark = pytest.mark.long

QUESTION = "Does accept block?"
OPTIONS = ["yes", "no", "I was asleep"]
COUNTS = [NATIVE, 1, WEB - 1]
DROPPED = ("time", "until", "choice")
"""What differs by the moment: one's own choice is told on entry only."""


class Pending(NamedTuple):
    """Something said, of which nobody knows whether it was stored."""

    pupil: FramePupil
    request: int
    text: str


def test_a_lesson_with_two_deaths(tmp_path: Path) -> None:
    """Nothing is lost or doubled, and all that held before holds afterwards, twice."""
    with classroom(tmp_path) as lesson:
        enrol_by_irc(lesson)
        set_up(lesson)
        ask_all(lesson)
        lesson.check_all("so far, so good")
        for death in (1, 2):
            before = state(lesson)
            pending = say_at_once(lesson, death)
            lesson.die()
            lesson.come_back()
            after = state(lesson)
            for name, value in before.items():
                assert after[name] == value, name
            see_roles_and_rules(lesson)
            say_again(pending)
            vote_again(lesson)
            lesson.check_all(f"death {death} is over")
            assert texts_of(lesson, pending) == [each.text for each in pending]
            go_on(lesson, death)
        finish(lesson)


def enrol_by_irc(lesson: Classroom) -> None:
    """Give one of the IRC pupils an account, which IRC has in place of a session."""
    pupil = lesson.irc[0]
    pupil.peer.send("QUIT :I come back with an account")
    pupil.peer.read_to_end()
    pupil.close()
    peer = lesson.newcomer(pupil.nick).peer
    peer.ok("register", password=PASSWORD)
    peer.ok("bye")
    peer.expect_end("bye")
    pupil.password = PASSWORD
    pupil.come_in(lesson.server.address)


def set_up(lesson: Classroom) -> None:
    """Let each rule hold for somebody: a role, a pin, a mute, rules of the room, an invitation."""
    teacher = lesson.teacher.peer
    teacher.ok("op", who="native0")
    teacher.ok("topic", room=ROOM, topic="What survives")
    teacher.ok("set_rules", room=ROOM, topic="moderators")
    pinned = lesson.web[0].say("the exercise is on page 12")
    teacher.ok("pin", room=ROOM, seq=pinned)
    taken_back = lesson.web[1].say("it is on page 13")
    lesson.web[1].peer.ok("delete", room=ROOM, seq=taken_back)
    corrected = lesson.web[2].say("a deth is a SIGKILL")
    lesson.web[2].peer.ok("edit", room=ROOM, seq=corrected, text="a death is a SIGKILL")
    teacher.ok("mute", who="web7", reason="for the lesson")
    teacher.ok("join", room="staff")
    teacher.ok("set_rules", room="staff", invite_only=True, topic="moderators")
    teacher.ok("invite", room="staff", who="native1")
    teacher.ok("freeze", room=ROOM, seconds=3600)


def ask_all(lesson: Classroom) -> None:
    """Raise hands, give the floor to one, open a poll, and vote."""
    teacher = lesson.teacher.peer
    lesson.native[1].peer.ok("hand", room=ROOM, up=True, question="What is a session?")
    lesson.web[1].peer.ok("hand", room=ROOM, up=True)
    lesson.irc[0].ask(f"HAND {CHANNEL} :Who resumes me?")
    lesson.native[2].peer.ok("hand", room=ROOM, up=True, question="And the queue?")
    assert teacher.ok("next", room=ROOM)["nick"] == "native1"
    teacher.ok("poll", room=ROOM, question=QUESTION, options=OPTIONS, named=True)
    for pupil in lesson.framed[:-1]:  # the last is muted
        pupil.peer.ok("vote", room=ROOM, choice=1 if pupil in lesson.native else 3)
    lesson.irc[0].ask(f"VOTE {CHANNEL} 2")


def state(lesson: Classroom) -> dict[str, Any]:
    """All that holds in the room, as the teacher, the floor and the queue are told."""
    teacher = lesson.teacher.peer
    eventually(lambda: lesson.teacher.look().get("poll", {}).get("counts") == COUNTS)
    who = teacher.page("who", room=ROOM)
    watched = (lesson.teacher, *lesson.native[:3], lesson.web[1], lesson.web[7])
    queue = teacher.page("hands", room=ROOM)["queue"]
    wait = [hand["nick"] for hand in queue if not hand.get("floor")]
    places = [wait.index(pupil.nick) + 1 if pupil.nick in wait else 0 for pupil in watched]
    eventually(lambda: [place_of(pupil) for pupil in watched] == places)  # told in waves
    return {
        **{pupil.nick: shown(pupil) for pupil in watched},
        "queue": queue,
        "rules": without(teacher.ok("rules", room=ROOM)["rules"]),
        "staff": without(teacher.ok("rules", room="staff")["rules"]),
        "roles": who["roles"],
        "members": who["members"],
        "bans": teacher.page("bans")["bans"],
        "history": [each for each in lesson.history() if " before death " not in each["text"]],
    }


def place_of(pupil: FramePupil) -> int:
    """The place in the queue that a client was told last; 0 if none."""
    place: int = pupil.look().get("place", {}).get("place", 0)
    return place


def shown(pupil: FramePupil) -> dict[str, Frame]:
    """What a client shows above its input at this moment, by the type of the event."""
    told = pupil.look()
    holds = {
        "pins": bool(told.get("pins", {}).get("pins")),
        "floor": "nick" in told.get("floor", {}),
        "poll": told.get("poll", {}).get("open", False),
        "place": place_of(pupil) > 0,
        "rules": set(told.get("rules", {})) > {"type", "room", "speak"},
    }
    return {kind: without(told[kind]) for kind, is_shown in holds.items() if is_shown}


def without(frame: Frame) -> Frame:
    """A frame without what differs by the moment."""
    return {name: value for name, value in frame.items() if name not in DROPPED}


def say_at_once(lesson: Classroom, death: int) -> list[Pending]:
    """Let those who may speak say several things, and wait for the first answers only."""
    pending = []
    for number in range(5):
        for pupil in (lesson.teacher, lesson.native[0], speaker(lesson, death)):
            text = f"{pupil.nick} before death {death}: {number}"
            request = pupil.peer.post("say", room=ROOM, text=text)
            pending.append(Pending(pupil, request, text))
    for pupil, request, _ in pending[:4]:
        assert pupil.peer.reply(request)["type"] == "ok"
    return pending


def speaker(lesson: Classroom, death: int) -> FramePupil:
    """Who has the floor ahead of a death."""
    return lesson.native[1] if death == 1 else lesson.web[1]


def say_again(pending: list[Pending]) -> None:
    """Send again, with the same ids, what had no answer."""
    for pupil, request, text in pending:
        pupil.peer.send({"type": "say", "id": request, "room": ROOM, "text": text})
    for pupil, request, _ in pending:
        assert pupil.peer.reply(request)["type"] == "ok"


def texts_of(lesson: Classroom, pending: list[Pending]) -> list[str]:
    """The texts that were pending, as they stand in the log, in the order of who said them."""
    said = [entry["text"] for entry in lesson.log]
    order = {each.text: number for number, each in enumerate(pending)}
    for pupil in {each.pupil for each in pending}:
        own = [text for text in said if text in order and text.startswith(f"{pupil.nick} ")]
        assert own == sorted(own, key=order.__getitem__), own
    return sorted((text for text in said if text in order), key=order.__getitem__)


def vote_again(lesson: Classroom) -> None:
    """Let those who voted vote again: it is the same vote."""
    for pupil in lesson.framed[:-1]:
        pupil.peer.ok("vote", room=ROOM, choice=1 if pupil in lesson.native else 3)
    lesson.irc[0].ask(f"VOTE {CHANNEL} 2")


def see_roles_and_rules(lesson: Classroom) -> None:
    """See that what holds does bind, and that who was in charge still is."""
    assert lesson.teacher.welcome["role"] == "owner"
    assert lesson.native[0].welcome["role"] == "moderator"
    lesson.native[3].peer.refused("muted", "say", room=ROOM, text="I was away")
    lesson.web[7].peer.refused("muted", "vote", room=ROOM, choice=1)
    lesson.web[3].peer.refused("forbidden", "topic", room=ROOM, topic="What does not")
    rooms = lesson.web[3].peer.page("rooms")["rooms"]
    assert [room["room"] for room in rooms] == [ROOM]
    assert "frozen" in lesson.web[3].joined
    assert lesson.native[1].look()["poll"]["choice"] == 1
    assert lesson.web[1].look()["poll"]["choice"] == 3


def go_on(lesson: Classroom, death: int) -> None:
    """Give the floor to the next one, between two deaths."""
    wanted = {1: "web1", 2: "irc0"}[death]
    assert lesson.teacher.peer.ok("next", room=ROOM)["nick"] == wanted


def finish(lesson: Classroom) -> None:
    """See the result of the poll, who has the floor, and that the room opens again."""
    teacher = lesson.teacher.peer
    lesson.irc[0].ask(f"PRIVMSG {CHANNEL} :my account does")
    lesson.teacher.hear("my account does")
    teacher.ok("end_poll", room=ROOM)
    (result,) = [entry for entry in lesson.history() if "counts" in entry.get("poll", {})]
    native, web = (sorted(each.nick for each in them) for them in (lesson.native, lesson.web[:-1]))
    assert result["poll"]["counts"] == COUNTS
    assert result["poll"]["voters"] == [native, ["irc0"], web]
    teacher.ok("unfreeze", room=ROOM)
    assert [hand["nick"] for hand in teacher.page("hands", room=ROOM)["queue"]] == ["native2"]
    for pupil in lesson.framed[:-1]:
        pupil.say(f"{pupil.nick} is still here")
    lesson.native[1].peer.join("staff")
    lesson.native[2].peer.refused("forbidden", "join", room="staff")
    lesson.check_all("that was the lesson")
