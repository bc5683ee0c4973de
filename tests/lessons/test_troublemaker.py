"""A lesson with three troublemakers, who try every way round a mute."""

from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.chat_server.admin.folders import Operator
from tests.lessons.classroom import (
    CHANNEL,
    ROOM,
    Classroom,
    FramePupil,
    IrcPupil,
    WebSocketPeer,
    classroom,
    connected_from,
)
from tests.support.irc_peer import IrcPeer
from tests.support.peer import ConnectionEnded, Frame, Peer

pytestmark = pytest.mark.long

RUDE = "r0tt3n"
"""What no pupil is ever to read, in whatever it stands."""

NATIVE_AT, WEB_AT, IRC_AT = "127.0.0.2", "127.0.0.3", "127.0.0.4"
AT_ONCE = 500  # requests: several times as many are more than `requests_burst`

IRC_ATTEMPTS = (
    f"PRIVMSG {CHANNEL} :{RUDE}",
    f"PRIVMSG {CHANNEL} :\x01ACTION is {RUDE}\x01",
    f"NOTICE {CHANNEL} :{RUDE}",
    f"@+draft/reply={ROOM}/1 PRIVMSG {CHANNEL} :{RUDE}",
    f"@+note={RUDE} TAGMSG {CHANNEL}",
    f"TOPIC {CHANNEL} :{RUDE}",
    f"NICK {RUDE}",
    f"JOIN #{RUDE}",
    f"PRIVMSG native1 :{RUDE}",
    f"NOTICE irc1 :{RUDE}",
    f"@+note={RUDE} TAGMSG irc1",
    f"HAND {CHANNEL} :{RUDE}",
    f"POLL {CHANNEL} :{RUDE}? yes | no",
    f"VOTE {CHANNEL} 2",
    f"AWAY :{RUDE}",
    f"SETNAME :{RUDE}",
    f"INVITE {RUDE} {CHANNEL}",
    f"KICK {CHANNEL} irc1 :{RUDE}",
    f"MODE {CHANNEL} +b {RUDE}!*@*",
    f"MODE {CHANNEL} +v {RUDE}",
    "OPER owner wrong-wrong-wrong",
    f"PART {CHANNEL} :{RUDE}",
    f"JOIN {CHANNEL}",
)


def test_a_lesson_with_troublemakers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """None of it reaches anybody, and the teacher stays in charge."""
    with classroom(tmp_path) as lesson:
        lesson.teacher.peer.ok("topic", room=ROOM, topic="Sockets")
        lesson.native[1].peer.join("corner")
        rough = [
            lesson.newcomer("rough", source=NATIVE_AT),
            lesson.newcomer("rowdy", WebSocketPeer, source=WEB_AT),
        ]
        loud = IrcPupil("loud", IRC_AT)
        lesson.strangers.append(loud)
        loud.come_in(lesson.server.address)
        old = [behave_at_first(pupil) for pupil in rough]
        files = [send_file(pupil, lesson.server.port) for pupil in rough]
        loud.ask(f"PRIVMSG {CHANNEL} :loud is here", f"HAND {CHANNEL} :{RUDE}?")
        lesson.check_all("we begin")
        away = lesson.native[9]
        away.look()
        away.close()
        mute_all(lesson)
        for pupil, seq, file in zip(rough, old, files, strict=True):
            try_all(lesson, pupil, seq, away.nick)
            pupil.peer.refused("muted", "share", room=ROOM, file=file)
            pupil.peer.refused("muted", "offer", room=ROOM, name=RUDE, size=3)
        loud.ask(*IRC_ATTEMPTS, f"PRIVMSG {away.nick} :{RUDE}")
        give_them_the_floor(lesson, rough, loud)
        for pupil, kind in zip(rough, (Peer, WebSocketPeer), strict=True):
            flood(lesson, come_again(lesson, pupil, kind))
        loud.peer.send(f"QUIT :{RUDE}")
        come_again_by_irc(lesson)
        away.come_in(lesson.server.address)
        restore_order(lesson, old[0])
        lesson.check_all("and that was that")
        see_nothing(lesson)
        see_the_audit(Operator(capsys, lesson.data), old[0])


def behave_at_first(pupil: FramePupil) -> int:
    """Say what is to be edited later, and ask a question; return the `seq`.

    Nobody gets a nick that looks like the teacher's. In the corner nobody is in charge.
    """
    for nick in ("@teacher", "teacher@", "★teacher"):
        pupil.peer.refused("bad_nick", "nick", nick=nick)
    for nick in ("t\u0435acher", "TEACHER"):  # the first e is Cyrillic
        pupil.peer.refused("nick_in_use", "nick", nick=nick)
    pupil.peer.join("corner")
    pupil.peer.ok("hand", room=ROOM, up=True, question=f"{RUDE}?")
    return pupil.say(f"{pupil.nick} is here")


def send_file(pupil: FramePupil, port: int) -> str:
    """Send the server a file of a rude name, which is yet to be shared; return which."""
    answer = pupil.peer.ok("offer", room=ROOM, name=f"{RUDE}.txt", size=len(RUDE))
    with closing(HTTPConnection("127.0.0.1", port)) as http:
        http.request("PUT", answer["upload"], body=RUDE, headers={"Host": "localhost"})
        assert http.getresponse().status == 201
    file: str = answer["file"]
    return file


def mute_all(lesson: Classroom) -> None:
    """Mute them, and the addresses that they come from; open a poll by name."""
    teacher = lesson.teacher.peer
    for who in ("rough", "rowdy", "loud"):
        teacher.ok("mute", who=who, reason="a warning was enough")
    for where in (NATIVE_AT, WEB_AT, IRC_AT):
        teacher.ok("mute", who=where)
    teacher.ok("poll", room=ROOM, question="Break?", options=["now", "later"], named=True)


def try_all(lesson: Classroom, pupil: FramePupil, old: int, away: str) -> None:
    """Try each request by which a text might reach others."""
    peer = pupil.peer
    for kind in ("text", "action", "code"):
        peer.refused("muted", "say", room=ROOM, text=RUDE, kind=kind)
    peer.refused("muted", "say", room=ROOM, text=RUDE, reply_to=1)
    peer.refused("muted", "edit", room=ROOM, seq=old, text=RUDE)
    peer.refused("muted", "delete", room=ROOM, seq=old, reason=RUDE)
    peer.refused("forbidden", "delete", room=ROOM, seq=1, reason=RUDE)
    peer.refused("muted", "hand", room=ROOM, up=True, question=f"{RUDE}!")
    peer.refused("muted", "poll", room=ROOM, question=RUDE, options=[RUDE, "no"])
    peer.refused("muted", "vote", room=ROOM, choice=2)
    peer.refused("muted", "end_poll", room=ROOM)
    peer.refused("muted", "tell", to="native1", text=RUDE)
    peer.refused("muted", "tell", to=away, text=RUDE)
    peer.refused("muted", "nick", nick=RUDE)
    peer.refused("muted", "join", room=RUDE)
    peer.refused("muted", "topic", room=ROOM, topic=RUDE)
    peer.refused("muted", "say", room="corner", text=RUDE)
    peer.refused("muted", "topic", room="corner", topic=RUDE)
    peer.refused("muted", "poll", room="corner", question=RUDE, options=[RUDE, "no"])
    for kind in ("pin", "unpin"):
        peer.refused("forbidden", kind, room=ROOM, seq=old)
    for kind in ("invite", "uninvite"):
        peer.refused("forbidden", kind, room=ROOM, who="native1")
    peer.refused("forbidden", "announce", room=ROOM, text=RUDE)
    peer.refused("forbidden", "kick", who="teacher", reason=RUDE)
    peer.refused("forbidden", "unmute", who=pupil.nick)
    peer.refused("forbidden", "freeze", room=ROOM)
    peer.refused("forbidden", "next", room=ROOM)
    peer.refused("forbidden", "set_rules", room=ROOM, topic="everybody")
    peer.refused("forbidden", "claim", secret="AAAA-BBBB-CCCC-DDDD")
    assert lesson.teacher.peer.page("hands", room=ROOM)["hands"]


def give_them_the_floor(lesson: Classroom, rough: list[FramePupil], loud: IrcPupil) -> None:
    """Give each the floor, in a frozen room: a mute binds them all the same."""
    teacher = lesson.teacher.peer
    teacher.ok("freeze", room=ROOM)
    for pupil in rough:
        assert teacher.ok("next", room=ROOM)["nick"] == pupil.nick
        pupil.peer.refused("muted", "say", room=ROOM, text=RUDE)
        pupil.peer.refused("muted", "vote", room=ROOM, choice=1)
    teacher.ok("next", room=ROOM)
    loud.ask(f"PRIVMSG {CHANNEL} :{RUDE}")
    teacher.ok("unfreeze", room=ROOM)


def come_again(lesson: Classroom, pupil: FramePupil, kind: type[Peer]) -> FramePupil:
    """Come back with the session and another nick, and as somebody new, who is returned."""
    address = lesson.server.address
    pupil.close()
    first = FramePupil(f"{pupil.nick}2", kind, pupil.source)
    lesson.strangers.append(first)
    first.come_in(address)
    first.peer.refused("muted", "say", room=ROOM, text=RUDE)
    first.peer.refused("muted", "nick", nick=RUDE)
    first.peer.refused("muted", "tell", to="native1", text=RUDE)
    first.peer.ok("register", password=f"{RUDE}{RUDE}")
    first.peer.refused("muted", "say", room=ROOM, text=RUDE)
    with pupil.connected(address) as peer:
        error = peer.hello(RUDE, session=pupil.peer.session)
        assert (error["type"], error["code"]) == ("error", "muted")
    pupil.come_in(address)
    pupil.peer.refused("muted", "say", room=ROOM, text=RUDE)
    pupil.peer.refused("muted", "login", account=first.nick, password=f"{RUDE}{RUDE}")
    return first


def come_again_by_irc(lesson: Classroom) -> None:
    """Come as somebody new with a rude real name, for which others ask."""
    with IrcPeer(connected_from(IRC_AT, lesson.server.address)) as again:
        again.send("NICK loud2", f"USER {RUDE} 0 * :{RUDE}")
        again.expect("001")
        again.join(CHANNEL)
        again.ask(*IRC_ATTEMPTS)
        heard = lesson.irc[1].ask(f"WHO {CHANNEL}", "WHO loud2", "WHOIS loud2")
        assert any("loud2" in each.params for each in heard)


def flood(lesson: Classroom, pupil: FramePupil) -> None:
    """Send far too much, until the server ends it; nobody else waits for that."""
    while (answer := send_many(pupil.peer))["type"] != "goodbye":
        assert answer["code"] in ("muted", "rate_limited")
    assert answer["code"] == "flooding"
    lesson.teacher.say(f"{pupil.nick} is not heard")


def send_many(peer: Peer) -> Frame:
    """Send many requests; return the answer to the last that could be sent, or the goodbye."""
    last = 0
    with suppress(ConnectionEnded, ConnectionError):
        for _ in range(AT_ONCE):
            last = peer.post("say", room=ROOM, text=RUDE)
    return peer.take(lambda frame: frame.get("re") == last or frame["type"] == "goodbye")


def restore_order(lesson: Classroom, seq: int) -> None:
    """Let the teacher do what the teacher may do."""
    teacher = lesson.teacher.peer
    teacher.ok("delete", room=ROOM, seq=seq, reason="off topic")
    teacher.ok("end_poll", room=ROOM)
    teacher.ok("kick", who="rough", reason="enough")
    teacher.ok("ban", who="rowdy")
    teacher.ok("lock", room=ROOM, locked=True)
    assert teacher.ok("rules", room=ROOM)["rules"]["locked"] is True
    teacher.ok("lock", room=ROOM, locked=False)


def see_nothing(lesson: Classroom) -> None:
    """See that nobody read any of it, in whatever it stood."""
    for pupil in lesson.pupils:
        assert RUDE not in pupil.everything(), pupil.nick
    assert RUDE not in repr(lesson.history())
    newcomer = lesson.newcomer("late")
    assert RUDE not in newcomer.everything()
    assert newcomer.joined["topic"] == "Sockets"
    rooms = newcomer.peer.page("rooms")["rooms"]
    assert [(room["room"], room["topic"]) for room in rooms] == [("corner", ""), (ROOM, "Sockets")]
    (result,) = [each for each in lesson.history() if "counts" in each.get("poll", {})]
    assert result["poll"]["counts"] == [0, 0]


def see_the_audit(operator: Operator, deleted: int) -> None:
    """See that the audit log names each act of the teacher, and whom it was about."""
    records = operator.done("audit", "--format", "json").records
    acts = {(record["act"], record["whom"]) for record in records if record["who"] == "teacher"}
    assert acts >= {
        *(("mute", who) for who in ("rough", "rowdy", "loud", NATIVE_AT, WEB_AT, IRC_AT)),
        ("poll", ROOM),
        ("freeze", ROOM),
        ("next", ROOM),
        ("unfreeze", ROOM),
        ("delete", f"{ROOM}/{deleted}"),
        ("end_poll", ROOM),
        ("kick", "rough"),
        ("ban", "rowdy"),
        ("lock", ROOM),
        ("unlock", ROOM),
    }
    assert RUDE not in operator.done("audit").out
    assert "rough is here" in operator.done("audit", "--with-text").out
