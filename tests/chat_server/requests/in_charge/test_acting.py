"""What all acts of those in charge have in common: who may, where, and once."""

from tests.chat_server.house import whole_log
from tests.chat_server.moderation.order_house import OrderedHouse


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


def test_it_is_looked_at_first_who_asks(place: OrderedHouse) -> None:
    """Whether there is the room is told to moderators alone."""
    bob = place.enter("bob", "lobby")
    bob.refused("forbidden", "set_rules", room="nowhere", forget=True)
    place.mia.refused("no_such_room", "set_rules", room="nowhere", forget=True)
    place.mia.refused("bad_room", "set_rules", room="no where", forget=True)
