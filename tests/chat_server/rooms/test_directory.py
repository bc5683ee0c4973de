"""Coming into rooms, leaving them, and what one can learn about them."""

from pathlib import Path
from typing import Any

import pytest

from tests.chat_server.house import House, all_pages, seqs, texts
from tests.support.servers import address_of, running_server


def test_an_empty_topic_clears_the_topic(tmp_path: Path) -> None:
    """As a message of the log; who comes later, also after a restart, finds none."""
    with running_server(tmp_path) as server, House(server) as house:
        ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
        ada.ok("topic", room="lobby", topic="tests")
        ada.ok("topic", room="lobby", topic="")
        said = [(message["kind"], message["text"]) for message in eva.messages(2)]
        assert said == [("topic", "tests"), ("topic", "")]
        assert house.enter("zoe").join("lobby")["topic"] == ""
        assert ada.page("rooms")["rooms"][0]["topic"] == ""
    with running_server(tmp_path) as server, House(server) as house:
        assert house.enter("ada").join("lobby")["topic"] == ""


def test_the_first_join_makes_the_room(house: House) -> None:
    """`ok` with room, seq, members and topic; an empty room's log is at 0."""
    ok = house.enter("ada").join("lobby")
    shown = {name: ok.get(name) for name in ("room", "seq", "members", "topic")}
    assert shown == {"room": "lobby", "seq": 0, "members": 1, "topic": ""}


def test_a_join_tells_where_the_log_is_and_how_many_are_there(house: House) -> None:
    """`seq` is the last message's, `members` counts oneself."""
    ada = house.enter("ada", "lobby")
    ada.say("lobby", "one")
    ada.say("lobby", "two")
    ok = house.enter("eva").join("lobby")
    assert (ok["seq"], ok["members"]) == (2, 2)


def test_upper_case_is_folded(house: House) -> None:
    """Lobby and LOBBY are lobby, and that is what everybody reads."""
    ada = house.enter("ada")
    assert ada.join("Lobby")["room"] == "lobby"
    eva = house.enter("eva", "LOBBY")
    eva.say("lObby", "hi")
    assert [message["room"] for message in ada.messages(1)] == ["lobby"]


ROOM_REQUESTS: dict[str, dict[str, Any]] = {
    "join": {},
    "leave": {},
    "say": {"text": "hi"},
    "topic": {"topic": "hi"},
    "who": {},
    "history": {},
    "search": {"query": "hi"},
}


BAD_ROOMS = ("", "a b", "#lobby", "é", "a/b", "x" * 51, "lobby\n", "\u212a")


@pytest.mark.parametrize("kind", ROOM_REQUESTS)
def test_a_bad_room_is_refused_everywhere(house: House, kind: str) -> None:
    """Whatever is asked of it; and the connection lives on."""
    ada = house.enter("ada")
    for room in BAD_ROOMS:
        ada.refused("bad_room", kind, room=room, **ROOM_REQUESTS[kind])
    assert ada.page("rooms")["rooms"] == []


@pytest.mark.parametrize("kind", ["leave", "say", "topic", "who", "history", "search"])
def test_a_room_one_is_not_in_is_refused(house: House, kind: str) -> None:
    """It exists, but was not joined."""
    house.enter("eva", "lobby")
    house.enter("ada").refused("not_in_room", kind, room="lobby", **ROOM_REQUESTS[kind])


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("leave", "not_in_room"),
        ("say", "not_in_room"),
        ("topic", "not_in_room"),
        ("who", "no_such_room"),
        ("history", "no_such_room"),
        ("search", "no_such_room"),
    ],
)
def test_a_room_that_does_not_exist_is_refused(house: House, kind: str, code: str) -> None:
    """And asking for it does not make it."""
    ada = house.enter("ada")
    ada.refused(code, kind, room="nowhere", **ROOM_REQUESTS[kind])
    assert ada.page("rooms")["rooms"] == []


def test_who_left_hears_nothing_more(house: House) -> None:
    """After the ok to leave, the room is over for that client; the other room is not."""
    ada, eva = house.enter("ada", "lobby", "garden"), house.enter("eva", "lobby", "garden")
    ada.ok("leave", room="lobby")
    eva.say("lobby", "psst")
    eva.say("garden", "hello")
    assert texts(ada.messages(1)) == ["hello"]
    assert not [frame for frame in ada.queue if frame["type"] == "message"]
    ada.refused("not_in_room", "say", room="lobby", text="hi")
    ada.refused("not_in_room", "leave", room="lobby")


def test_a_room_can_be_joined_again(house: House) -> None:
    """Leaving is not for ever, and the log went on meanwhile."""
    ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
    ada.ok("leave", room="lobby")
    eva.say("lobby", "one")
    assert ada.join("lobby")["seq"] == 1
    eva.say("lobby", "two")
    assert texts(ada.messages(1)) == ["two"]


def test_joining_twice_does_not_deliver_twice(house: House) -> None:
    """Exactly once, however often one asked to be there."""
    ada = house.enter("ada", "lobby", "lobby")
    for text in ("one", "two", "three"):
        ada.say("lobby", text)
    assert texts(ada.messages(3)) == ["one", "two", "three"]
    ada.ping()
    assert not [frame for frame in ada.queue if frame["type"] == "message"]
    assert ada.page("who", room="lobby")["members"] == ["ada"]


def test_joining_again_with_after_moves_the_cursor(house: House) -> None:
    """`after` means the same for who is in the room already: what follows S follows the ok."""
    ada = house.enter("ada", "lobby")
    for text in ("one", "two", "three"):
        ada.say("lobby", text)
    assert seqs(ada.messages(3)) == [1, 2, 3]
    ada.join("lobby", after=1)
    assert seqs(ada.messages(2)) == [2, 3]
    ada.say("lobby", "four")
    assert seqs(ada.messages(1)) == [4]


# -- topics ---------------------------------------------------------------------------------------


def test_a_topic_is_an_entry_of_the_log(house: House) -> None:
    """`ok` with seq, a message of kind topic for all, and what later joins are told."""
    ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
    assert ada.ok("topic", room="lobby", topic="Tea at five")["seq"] == 1
    for member in (ada, eva):
        (message,) = member.messages(1)
        assert message["kind"] == "topic"
        assert (message["seq"], message["from"], message["text"]) == (1, "ada", "Tea at five")
    assert house.enter("zoe").join("lobby")["topic"] == "Tea at five"


def test_the_last_topic_counts(house: House) -> None:
    """It replaces the one before, and both stay in the log."""
    ada = house.enter("ada", "lobby")
    ada.ok("topic", room="lobby", topic="one")
    ada.ok("topic", room="lobby", topic="two")
    assert house.enter("eva").join("lobby")["topic"] == "two"
    assert texts(ada.page("history", room="lobby")["messages"]) == ["one", "two"]


def test_a_topic_is_a_text(house: House) -> None:
    """The same rules: composed, not too long, no control characters."""
    ada = house.enter("ada", "lobby")
    ada.ok("topic", room="lobby", topic="e\u0301")
    assert house.enter("eva").join("lobby")["topic"] == "é"
    ada.refused("bad_text", "topic", room="lobby", topic="\x1b]0;owned\x07")
    ada.refused("text_too_long", "topic", room="lobby", topic="x" * 4001)


# -- who ------------------------------------------------------------------------------------------


def test_who_names_the_members_in_order(house: House) -> None:
    """Nicks, sorted; those of this room alone."""
    for nick in ("zoe", "eva", "bob"):
        house.enter(nick, "lobby")
    house.enter("max", "garden")
    page = house.enter("ada", "lobby").page("who", room="lobby")
    assert page["members"] == ["ada", "bob", "eva", "zoe"]
    assert page["more"] is False


def test_who_goes_on_behind_a_nick(house: House) -> None:
    """`after` is a nick; it need not be there any more."""
    for nick in ("zoe", "eva", "bob"):
        house.enter(nick, "lobby")
    ada = house.enter("ada", "lobby")
    assert ada.page("who", room="lobby", after="bob")["members"] == ["eva", "zoe"]
    assert ada.page("who", room="lobby", after="carl")["members"] == ["eva", "zoe"]
    assert ada.page("who", room="lobby", after="zoe")["members"] == []


def test_who_is_paged_when_it_does_not_fit_a_frame(house: House) -> None:
    """All members are named once, over as many pages as it takes."""
    wide = {"🦊" * 28 + f"{number:04}" for number in range(600)}
    for nick in wide:
        house.enter(nick, "lobby")
    ada = house.enter("ada", "lobby")
    pages = all_pages(ada, "who", lambda page: page["members"][-1], room="lobby")
    named = [nick for page in pages for nick in page["members"]]
    assert set(named) == wide | {"ada"}
    assert len(named) == 601
    assert len(pages) == 2


# -- rooms ----------------------------------------------------------------------------------------


def test_rooms_lists_them_in_order(house: House) -> None:
    """Name, members and topic of each."""
    ada = house.enter("ada", "zoo", "bar", "lobby")
    house.enter("eva", "bar")
    ada.ok("topic", room="bar", topic="Open")
    page = ada.page("rooms")
    assert page["rooms"] == [
        {"room": "bar", "members": 2, "topic": "Open"},
        {"room": "lobby", "members": 1, "topic": ""},
        {"room": "zoo", "members": 1, "topic": ""},
    ]
    assert page["more"] is False


def test_rooms_goes_on_behind_a_room(house: House) -> None:
    """`after` is a room."""
    ada = house.enter("ada", "zoo", "bar", "lobby")
    assert [entry["room"] for entry in ada.page("rooms", after="bar")["rooms"]] == ["lobby", "zoo"]
    assert ada.page("rooms", after="zoo")["rooms"] == []


def test_rooms_is_paged_when_it_does_not_fit_a_frame(house: House) -> None:
    """Ten topics of 16,000 bytes each take three pages of four, four and two."""
    names = [f"room{number}" for number in range(10)]
    ada = house.enter("ada", *names)
    for name in names:
        ada.ok("topic", room=name, topic="🦊" * 4000)
    pages = all_pages(ada, "rooms", lambda page: page["rooms"][-1]["room"])
    assert [entry["room"] for page in pages for entry in page["rooms"]] == names
    assert [len(page["rooms"]) for page in pages] == [4, 4, 2]


def test_rooms_and_topics_outlive_a_restart(tmp_path: Any) -> None:
    """What was said there is kept, so the room is."""
    with running_server(tmp_path) as server, House(address_of(server)) as house:
        house.enter("ada", "lobby").ok("topic", room="lobby", topic="Tea")
    with running_server(tmp_path) as server, House(address_of(server)) as house:
        ada = house.enter("ada")
        assert ada.page("rooms")["rooms"] == [{"room": "lobby", "members": 0, "topic": "Tea"}]
        ok = ada.join("lobby")
        assert (ok["seq"], ok["topic"]) == (1, "Tea")
