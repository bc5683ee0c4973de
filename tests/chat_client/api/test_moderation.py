"""A lesson with a real server: who is in charge, who talks, who has to go."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import chat_client
from chat_client import (
    Chat,
    Closed,
    Connected,
    Ended,
    Entered,
    FreezeChange,
    HandChange,
    Message,
    Reconnecting,
    Refused,
    RoleChange,
)
from chat_server.server import Server
from tests.chat_client.programs import Terminal
from tests.chat_client.recorder import Recorder
from tests.support.proxy import Proxy
from tests.support.servers import ServerProcess, address_of, running_server
from tests.support.waiting import DEADLINE, eventually

PASSWORD = "correct horse"


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as running:
        yield running


@pytest.fixture
def heard() -> Recorder:
    """What the teacher hears."""
    return Recorder()


@pytest.fixture
def teacher(server: Server, heard: Recorder) -> Iterator[Chat]:
    """The owner, in the lobby."""
    with chat_client.connect(address_of(server), nick="ada", on_event=heard) as chat:
        chat.join("lobby")
        assert chat.claim(server.owner_secret or "") == "owner"
        yield chat


def notices(recorder: Recorder) -> list[str]:
    return [message.text for message in recorder.of(Message) if message.kind == "notice"]


def test_a_frozen_room(server: Server, teacher: Chat, heard: Recorder) -> None:
    """A member is told why and for how long, raises a hand, and may talk."""
    recorder = Recorder()
    with chat_client.connect(address_of(server), nick="ben", on_event=recorder) as ben:
        room, lobby = ben.join("lobby"), teacher.joined[0]
        lobby.freeze(seconds=600)
        with pytest.raises(Refused, match=r"frozen.*ada.*min") as caught:
            room.say("I know!")
        assert caught.value.code == "muted"
        assert caught.value.retry_after is not None
        room.raise_hand()
        eventually(lambda: heard.of(HandChange) == [HandChange("lobby", "ben", True, 1)])
        assert lobby.hands() == ["ben"]
        lobby.freeze(seconds=600, speakers=["ben"])
        seq = room.say("because of TCP")
        assert lobby.wait_for(seq)
        lobby.unfreeze()
        seq = room.say("thanks")
        assert room.wait_for(seq)
        eventually(
            lambda: (
                recorder.of(FreezeChange)[:1] == [FreezeChange("lobby", True)]
                and recorder.of(FreezeChange)[-1] == FreezeChange("lobby", False)
            )
        )
        assert len(notices(recorder)) == 3


def test_who_comes_into_a_frozen_room_is_told(server: Server, teacher: Chat) -> None:
    """By the room, and at the end of all frozen rooms."""
    teacher.freeze()
    recorder = Recorder()
    with chat_client.connect(address_of(server), nick="ben", on_event=recorder) as ben:
        ben.join("lobby")
        assert [entered.frozen for entered in recorder.of(Entered)] == [True]
        teacher.unfreeze()
        eventually(lambda: recorder.of(FreezeChange)[-1:] == [FreezeChange("lobby", False)])


def test_a_moderator(server: Server, teacher: Chat) -> None:
    """Is made one, does what one does, and is one no more; an owner is out of reach."""
    recorder = Recorder()
    with (
        chat_client.connect(address_of(server), nick="mia", on_event=recorder) as mia,
        chat_client.connect(address_of(server), nick="ben") as ben,
    ):
        room, lobby = ben.join("lobby"), mia.join("lobby")
        with pytest.raises(Refused) as caught:
            mia.mute("ben")
        assert caught.value.code == "forbidden"
        teacher.op("mia")
        eventually(lambda: recorder.of(RoleChange) == [RoleChange("moderator", "ada")])
        assert mia.role == "moderator"
        mia.mute("ben", seconds=60, reason="shouting")
        with pytest.raises(Refused, match="shouting"):
            room.say("HEY")
        (entry,) = mia.bans()
        assert (entry.act, entry.who, entry.by, entry.reason) == ("mute", "ben", "mia", "shouting")
        mia.unmute("ben")
        room.say("hey")
        lobby.slow(3600)
        with pytest.raises(Refused, match="slow") as caught:
            chat_in_a_hurry(server, "eve")
        assert caught.value.code == "rate_limited"
        lobby.slow(0)
        lobby.lock()
        with (
            chat_client.connect(address_of(server), nick="max") as max_,
            pytest.raises(Refused, match="locked"),
        ):
            max_.join("lobby")
        lobby.unlock()
        with pytest.raises(Refused, match="owner"):
            mia.kick("ada")
        teacher.deop("mia")
        eventually(lambda: mia.role == "member")


def chat_in_a_hurry(server: Server, nick: str) -> None:
    """Say two things at once, without the patience to wait for the second."""
    with chat_client.connect(address_of(server), nick=nick, patience=1.0) as chat:
        room = chat.join("lobby")
        room.say("one")
        room.say("two")


@pytest.mark.parametrize("banned", [False, True])
def test_who_is_thrown_out_stays_out(server: Server, teacher: Chat, banned: bool) -> None:
    """The client does not come back by itself, and knows why; who is banned cannot."""
    recorder = Recorder()
    with chat_client.connect(address_of(server), nick="ben", on_event=recorder) as ben:
        room = ben.join("lobby")
        if banned:
            teacher.ban("ben", seconds=3600, reason="spam")
        else:
            teacher.kick("ben", "spam")
        with pytest.raises(Closed, match=r"ada.*spam") as caught:
            next(room)
        assert caught.value.code == ("banned" if banned else "kicked")
    assert not recorder.of(Reconnecting)
    assert [ended.code for ended in recorder.of(Ended)] == [caught.value.code]
    if banned:
        with pytest.raises(Refused, match="spam") as refused:
            chat_client.connect(address_of(server), nick="ben")
        assert refused.value.code == "banned"
        assert refused.value.retry_after is not None
        teacher.unban("ben")
    # After a kick the nick is kept for the session: whoever comes without it takes another.
    chat_client.connect(address_of(server), nick="ben" if banned else "benno").close()


def test_an_account(server: Server, teacher: Chat) -> None:
    """Its nick is nobody else's, and its role comes with it."""
    address = address_of(server)
    with chat_client.connect(address, nick="mia") as mia:
        mia.register(PASSWORD)
        assert mia.account == "mia"
        teacher.op("@mia")
    with pytest.raises(Refused, match="account") as caught:
        chat_client.connect(address, nick="mia")
    assert caught.value.code == "nick_in_use"
    with pytest.raises(Refused, match="password"):
        chat_client.connect(address, nick="mia", account_password="incorrect")
    recorder = Recorder()
    with chat_client.connect(
        address, nick="mia", account_password=PASSWORD, on_event=recorder
    ) as mia:
        assert (mia.role, mia.account) == ("moderator", "mia")
    assert [(event.role, event.account) for event in recorder.of(Connected)] == [
        ("moderator", "mia")
    ]
    with chat_client.connect(address, nick="guest") as guest:
        with pytest.raises(Refused):
            guest.login("incorrect", "mia")
        assert guest.login(PASSWORD, "mia") == guest.nick == "mia"
        assert guest.role == "moderator"


def test_another_password_and_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a real server: through lost connections, its death and the loss of what it knew."""
    monkeypatch.setattr("chat_client.session.reader._FIRST_DELAY", 0.0)
    monkeypatch.setattr("chat_client.session.reader._LONGEST_DELAY", 0.2)
    heard = Recorder()
    data = tmp_path / "data"
    with (
        ServerProcess.serve(data) as server,
        Proxy(server.address) as proxy,
        chat_client.connect(proxy.address, nick="mia", on_event=heard) as mia,
    ):
        room = mia.join("lobby")
        mia.register(PASSWORD)
        with pytest.raises(Refused, match="old password"):
            mia.change_password("incorrect", "battery staple")
        mia.change_password(PASSWORD, "battery staple")
        proxy.links[-1].reset()
        eventually(lambda: len(heard.of(Connected)) == 2)
        server.kill()
        (data / "history.db").unlink()  # sessions are known no more, accounts are
        with server.restarted():
            eventually(lambda: len(heard.of(Connected)) == 3)
            assert (mia.nick, mia.account) == ("mia", "mia")
            seq = room.say("still me")
            assert mia.logout() == mia.nick == "mia2"
            proxy.links[-1].reset()
            eventually(lambda: len(heard.of(Connected)) == 4)
            assert (mia.nick, mia.account) == ("mia2", None)
            assert room.say("somebody else") == seq + 1
            assert room.wait_for(seq + 1, DEADLINE)
            assert mia.login("battery staple", "mia") == "mia"
    assert heard.seqs("lobby") == [seq, seq + 1]


def test_on_two_terminals(tmp_path: Path, home: dict[str, str]) -> None:
    """A whole lesson, as the teacher and a pupil see it."""
    with ServerProcess.serve(tmp_path / "data") as host:
        claim = eventually(lambda: re.findall(r"/claim \S+", host.stdout))[0]
        with (
            Terminal(host.address, "--nick", "ada", environment=home) as ada,
            Terminal(host.address, "--nick", "ben", environment=home) as ben,
        ):
            ada.see_input("[lobby]")
            ben.see_input("[lobby]")
            ada.enter(claim)
            ada.see("you are an owner now")
            ada.see_status("owner")
            ada.enter("/freeze 10m")
            ben.see("-- ada: this room is frozen for 10 min")
            ben.see_status("frozen")
            ben.enter("but I")
            ben.see_wrapped("Alt-R brings it back: but I")
            ben.enter("/hand")
            ben.see("your hand is up")
            ada.see("-- ben raised a hand (1 waiting): /hands")
            ada.see_status("1 hand up")
            ada.type("/fr\tbut \t\r")
            ben.see_wrapped("ben may speak")
            ben.type("\x1br\r")
            ada.see("ben  but I")
            ada.enter("/unfreeze")
            ben.see("no longer frozen")
            ada.enter("/kick ben the lesson is over")
            ben.see_wrapped("-- the chat is over: You were thrown out by ada: the lesson is over")
            assert ben.leave() == 1
