"""What all acts of those in charge have in common: who may, where, and once."""

import pytest

from chat_server.identity.store.people_store import PeopleStore
from chat_server.moderation.notices import Notices
from chat_server.storage.interface import RoomLog
from tests.chat_server.house import whole_log
from tests.chat_server.moderation.order_house import OrderedHouse
from tests.support.waiting import eventually


def test_an_act_is_done_once_however_often_it_is_asked_for(place: OrderedHouse) -> None:
    """With a notice, and without one: both get their `ok` again, and nothing happens."""
    place.enter("bob", "lobby")
    for kind, members in (
        ("set_rules", {"room": "lobby", "read_only": True}),
        ("invite", {"room": "lobby", "who": "bob"}),
    ):
        identity = place.mia.post(kind, **members)
        assert place.mia.reply(identity)["type"] == "ok"
        place.mia.send({"type": kind, "id": identity, **members})
        assert place.mia.reply(identity)["type"] == "ok"
    log = whole_log(place.mia, "lobby")
    assert sum(each["kind"] == "notice" for each in log) == 1
    acts = [act.act for _, act in place.running._parts.people.acts()]
    assert (acts.count("set_rules"), acts.count("invite")) == (1, 1)


def test_what_is_new_is_not_looked_for(
    place: OrderedHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It costs nothing to be refused; what comes again is looked for, also if it was refused."""
    looked: list[Notices] = []
    look_up = Notices.look_up

    def note(notices: Notices, store: RoomLog, people: PeopleStore) -> None:
        looked.append(notices)
        look_up(notices, store, people)

    monkeypatch.setattr(Notices, "look_up", note)
    bob = place.enter("bob", "lobby")
    for peer, expected in ((place.mia, "ok"), (bob, "error")):
        asked = {"room": "lobby", "question": "Which?", "options": ["this", "that"]}
        identity = peer.post("poll", **asked)
        assert peer.reply(identity)["type"] == expected
        assert not looked
        peer.send({"type": "poll", "id": identity, **asked})
        assert peer.reply(identity)["type"] == expected
        assert looked.pop()


def test_it_is_looked_at_first_who_asks(place: OrderedHouse) -> None:
    """Whether there is the room is told to moderators alone."""
    bob = place.enter("bob", "lobby")
    bob.refused("forbidden", "set_rules", room="nowhere", forget=True)
    place.mia.refused("no_such_room", "set_rules", room="nowhere", forget=True)
    place.mia.refused("bad_room", "set_rules", room="no where", forget=True)


def test_an_act_holds_no_lock_and_comes_ahead_of_what_the_next_connection_says(
    place: OrderedHouse,
) -> None:
    """While it waits for the disk, who comes in with the session waits; others are answered."""
    parts = place.running._parts
    (session,) = [each for each in parts.registry.sessions() if each.nick == "mia"]
    commits = parts.people.commits
    with commits.writing():
        place.mia.post("slow", room="lobby", seconds=3)
        eventually(lambda: commits._waiting == 1)
        assert not session.posting.locked()
        again = place.connect()
        again.send({"type": "hello", "version": 1, "nick": "mia", "session": place.mia.session})
        again.send({"type": "join", "id": 5000, "room": "lobby"})
        again.send({"type": "say", "id": 5001, "room": "lobby", "text": "it is slow now"})
        eventually(lambda: commits._waiting == 2)  # that the session goes on is kept as well
        place.ada.ping()
        assert place.ada.say("lobby", "is it?") == 1
    assert again.reply(5001)["type"] == "ok"
    log = [(each["kind"], each["text"]) for each in whole_log(place.ada, "lobby")]
    assert [kind for kind, _ in log] == ["text", "notice", "text"]
    assert log[-1] == ("text", "it is slow now")
