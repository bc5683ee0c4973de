"""Whoever has nothing but `nc` or `telnet` is in the chat by pressing Enter."""

import pytest

from tests.chat_server.house import House
from tests.support.servers import address_of, running_server
from tests.support.text_peer import TextPeer


def enter(house: House, nick: str) -> TextPeer:
    """Somebody who came in and has read the first line."""
    peer = TextPeer(house.address)
    peer.send(nick)
    assert peer.line().startswith(f"* you are {nick} in #lobby, ")
    return peer


def test_the_first_line_is_the_nick(house: House) -> None:
    """Trimmed; an empty one is asked for again."""
    with TextPeer(house.address) as peer:
        peer.send("")
        assert peer.line() == "nick?"
        peer.send("  ana  ")
        assert peer.line() == "* you are ana in #lobby, 1 here; /help"


def test_a_nick_that_cannot_be(house: House) -> None:
    """Why is told, and another is asked for."""
    house.enter("ada")
    with TextPeer(house.address) as peer:
        peer.send("ada")
        why, question = peer.lines(2)
        assert "ada" in why
        assert question == "nick?"
        peer.send("x" * 40)
        assert peer.lines(2)[1] == "nick?"
        peer.send("eva")
        assert peer.line().startswith("* you are eva")


def test_the_latest_messages_are_shown(house: House) -> None:
    """Ten of them, one's own from before as well."""
    ada = house.enter("ada", "lobby")
    for number in range(12):
        ada.say("lobby", f"number {number}")
    with enter(house, "ana") as ana:
        assert ana.lines(10) == [f"ada: number {number}" for number in range(2, 12)]


def test_talking(house: House) -> None:
    """What is typed is said; others' messages are printed, one's own are not repeated."""
    ada = house.enter("ada", "lobby")
    with enter(house, "ana") as ana, enter(house, "bob") as bob:
        ana.send("hello", "//quit is a command", "/me waves")
        assert [m["text"] for m in ada.messages(3)] == ["hello", "/quit is a command", "waves"]
        assert bob.lines(3) == ["ana: hello", "ana: /quit is a command", "* ana waves"]
        ada.say("lobby", "one\ntwo")
        assert ana.lines(2) == ["ada: one", "ada: two"]


def test_each_end_of_a_line_is_answered_by_its_like(house: House) -> None:
    """CR LF to who sends CR LF, for what comes live as well."""
    ada = house.enter("ada", "lobby")
    with TextPeer(house.address) as ana:
        ana.send("ana", end="\r\n")
        assert ana.line().endswith("/help\r")
        ada.say("lobby", "hello")
        assert ana.line() == "ada: hello\r"


def test_commands(house: House) -> None:
    """Those of a person at a terminal."""
    ada = house.enter("ada", "lobby")
    with enter(house, "ana") as ana:
        ana.send("/who")
        assert ana.line() == "-- 2 here: ada, ana"
        ana.send("/msg ada psst")
        assert ana.line() == "-- to ada: psst"
        assert ada.expect("direct")["text"] == "psst"
        ada.ok("tell", to="ana", text="yes?")
        assert ana.line() == "ada to you alone: yes?"
        ana.send("/topic exercise 3")
        assert ada.messages(1)[0]["text"] == "exercise 3"
        ana.send("/rooms")
        assert ana.line() == "-- #lobby, 2 there: exercise 3"
        ana.send("/hand why?", "/hand down")
        assert ana.line() == "-- your hand is up, number 1 in the queue"
        assert ana.line() == "-- your hand is down"
        ana.send("/poll Is it? yes | no")
        assert (
            ana.line()
            == "-- poll: Is it?  1. yes  2. no  (/vote NUMBER; nobody sees who votes for what)"
        )
        ana.send("/vote 2")
        assert ana.line() == "-- you have voted"
        ana.send("/poll end")
        assert ana.line() == "-- result of the poll: Is it?  yes 0, no 1"
        ana.send("/join #physics")
        assert ana.line() == "* you are ana in #physics, 1 here; /help"
        ana.send("/who", "/help")
        assert ana.line() == "-- 1 here: ana"
        assert "/me" in ana.line()
        ana.send("/quit")
        assert b"Goodbye." in ana.rest()


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("/frobnicate", "there is no /frobnicate"),
        ("/msg", "/msg takes"),
        ("/msg nobody hi", "nobody"),
        ("/join", "/join takes"),
        ("/join a b", "room"),
        ("/topic", "/topic takes"),
        ("x" * 4001, "4000"),
        ("x" * 20000, "4000"),
    ],
)
def test_what_cannot_be_done_is_told(house: House, line: str, part: str) -> None:
    """In a line, and one goes on."""
    with enter(house, "ana") as ana:
        ana.send(line, "/who")
        assert part in ana.see("-- ")
        assert ana.see("here: ana")


def test_control_characters_are_stripped_both_ways(house: House) -> None:
    """Nobody writes to another's terminal."""
    ada = house.enter("ada", "lobby")
    with enter(house, "ana") as ana:
        ana.send_raw(b"a\x1b[2Jb\x07c\n")
        assert ada.messages(1)[0]["text"] == "a[2Jbc"
        ada.say("lobby", "x\ty")
        assert ana.line() == "ada: x\ty"


def test_telnets_return_key_ends_a_line(house: House) -> None:
    """CR NUL, however it is cut (RFC 854); such a client is sent CR LF."""
    bob = house.enter("bob", "lobby")
    with TextPeer(house.address) as ana:
        ana.send_raw(b"\xff\xfd\x03ana\r")
        ana.send_raw(b"\0one\r\0two\r")
        ana.send_raw(b"\0")
        assert [message["text"] for message in bob.messages(2)] == ["one", "two"]
        assert ana.until(b"/help\r\n").endswith(b"* you are ana in #lobby, 2 here; /help\r\n")


def test_telnet_is_refused_politely(house: House) -> None:
    """Its options, one by one; its commands are no text."""
    ada = house.enter("ada", "lobby")
    with TextPeer(house.address) as ana:
        ana.send_raw(b"\xff\xfb\x1f\xff\xfd\x01\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0ana\r\n")
        assert ana.until(b"/help\r\n").endswith(b"/help\r\n")
        ana.send_raw(b"he\xff")
        ana.send_raw(b"\xf1llo\r\n")
        assert ada.messages(1)[0]["text"] == "hello"


def test_the_servers_password() -> None:
    """It is asked for, and said that it is shown."""
    with running_server(password="open sesame") as server:
        with TextPeer(address_of(server)) as peer:
            peer.send("ana")
            assert peer.line().startswith("password?")
            peer.send("open sesame")
            assert peer.line().startswith("* you are ana")
        with TextPeer(address_of(server)) as peer:
            peer.send("eva", "wrong")
            assert b"password" in peer.rest()


def test_who_sits_and_reads_is_not_taken_for_dead() -> None:
    """A person does not answer pings."""
    with (
        running_server(ping_interval=0.05, patience=0.2) as server,
        House(server) as house,
        enter(house, "ana") as ana,
    ):
        ada = house.enter("ada", "lobby")
        for number in range(20):
            ada.say("lobby", str(number))
            assert ana.line(1) == f"ada: {number}"


def test_a_flood_is_slowed_and_ended() -> None:
    """The limit counts requests here, too."""
    with (
        running_server(requests_per_second=1, requests_burst=5) as server,
        House(server) as house,
        enter(house, "ana") as ana,
    ):
        ana.send(*(f"line {n}" for n in range(30)))
        assert b"requests a second" in ana.rest()


def test_a_reader_that_stops_loses_nothing(house: House) -> None:
    """It is caught up from the log, as anybody is, and holds up nobody."""
    ada, text = house.enter("ada", "lobby"), "x" * 3000
    with enter(house, "ana") as ana:
        for number in range(400):
            ada.say("lobby", f"{number} {text}")
        for number in range(400):
            assert ana.line() == f"ada: {number} {text}"


def test_replies_and_changes_are_told_in_words(house: House) -> None:
    """Each line of an edit says whose it is; who comes later reads the latest state."""
    ada = house.enter("ada", "lobby")
    seq = ada.say("lobby", "first")
    with enter(house, "ana") as ana:
        assert ana.line() == "ada: first"
        ada.say("lobby", "second", reply_to=seq)
        ada.ok("edit", room="lobby", seq=seq + 1, text="2nd\nline")
        ada.ok("delete", room="lobby", seq=seq)
        assert ana.lines(4) == [
            f"ada, to message {seq}: second",
            f"* ada edited message {seq + 1}: 2nd",
            f"* ada edited message {seq + 1}: line",
            f"* ada deleted message {seq}",
        ]
    with enter(house, "bob") as bob:
        assert bob.lines(3) == [
            "ada: (deleted)",
            f"ada, to message {seq}: 2nd",
            f"ada, to message {seq}: line (edited)",
        ]


def test_a_message_for_who_is_away_waits(house: House) -> None:
    """It is said that it does."""
    eva = house.enter("eva")
    eva.ok("register", password="correct horse")
    eva.ok("bye")
    eva.expect_end("bye")
    with enter(house, "ana") as ana:
        ana.send("/msg eva psst")
        assert ana.line() == "-- to eva, who is away: it waits for them: psst"
    assert house.enter("eva", account_password="correct horse").expect("direct")["text"] == "psst"


def test_what_was_said_is_answered_edited_and_taken_back(house: House) -> None:
    """The last thing that somebody said, or the message with a number; it is told what was done."""
    bob = house.enter("bob", "lobby")
    with enter(house, "ana") as ana:
        first = bob.say("lobby", "is recv blocking?")
        assert ana.line() == "bob: is recv blocking?"
        ana.send("/reply bob yes, always")
        reply = bob.take(lambda frame: frame.get("text") == "yes, always")
        assert reply["reply_to"] == first
        ana.send("/edit yes, unless you say otherwise")
        edited = bob.take(lambda frame: frame.get("kind") == "edit")
        assert (edited["changes"], edited["text"]) == (
            reply["seq"],
            "yes, unless you say otherwise",
        )
        assert ana.line() == f"-- message {reply['seq']} says that now"
        ana.send(f"/edit {reply['seq']} by number")
        assert bob.take(lambda frame: frame.get("kind") == "edit")["text"] == "by number"
        assert ana.line() == f"-- message {reply['seq']} says that now"
        ana.send("/delete")
        assert bob.take(lambda frame: frame.get("kind") == "delete")["changes"] == reply["seq"]
        assert ana.line() == f"-- message {reply['seq']} is deleted"
        ana.send("/delete")
        assert ana.line() == "-- nothing of ana is among the last 100 messages"
        ana.send("/delete bob be kind")
        assert "only its author or a moderator" in ana.line()
        ana.send(f"/reply #lobby/{first} by number")
        assert bob.take(lambda frame: frame.get("text") == "by number")["reply_to"] == first


@pytest.mark.parametrize("line", ["/reply", "/reply bob", "/edit"])
def test_a_change_without_its_text_says_how_it_is_typed(house: House, line: str) -> None:
    """And nothing is done."""
    with enter(house, "ana") as ana:
        ana.send(line)
        assert f"{line.split()[0]} takes " in ana.line()
