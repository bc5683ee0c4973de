"""Joining and leaving rooms, and who is in them."""

from tests.chat_server.house import House, all_pages, seqs, texts
from tests.support.servers import running_server


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


def test_a_client_is_in_so_many_rooms_and_no_more() -> None:
    """`too_many_rooms` is not fatal; a room that one is in already is none more."""
    with running_server(rooms_per_client=3) as server, House(server) as house:
        ada = house.enter("ada", "one", "two", "three")
        error = ada.refused("too_many_rooms", "join", room="four")
        assert "3" in error["text"]
        ada.join("two")
        ada.ok("leave", room="one")
        ada.join("four")
        ada.refused("not_in_room", "say", room="one", text="hi")
