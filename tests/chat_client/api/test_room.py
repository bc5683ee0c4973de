"""A room of a chat: what is read, said and read back there."""

from itertools import islice

import pytest

from chat_client import Chat, Message, Refused
from tests.support.waiting import DEADLINE


def test_rooms_are_apart(ana: Chat, bob: Chat) -> None:
    """Several rooms in one chat, each with its own messages and its own end."""
    lobby, ops = ana.join("Lobby"), ana.join("ops")
    bob.join("ops").say("to ops")
    bob.join("lobby").say("to lobby", kind="action")
    assert (next(lobby).kind, next(ops).text) == ("action", "to ops")
    assert [room.name for room in ana.joined] == ["lobby", "ops"]
    assert (repr(ana), repr(ops)) == ("<Chat of ana, connected>", "<Room #ops>")
    assert [(room.room, room.members) for room in ana.rooms()] == [("lobby", 2), ("ops", 2)]
    ops.leave()
    assert list(ops) == []
    assert [room.name for room in ana.joined] == ["lobby"]
    with pytest.raises(Refused) as caught:
        ops.say("still there?")
    assert caught.value.code == "not_in_room"


def test_where_a_room_begins(ana: Chat, bob: Chat) -> None:
    """From now on, a few messages back, or behind a seq."""
    room = ana.join("lobby")
    for number in range(1, 6):
        room.say(str(number))
    assert [message.seq for message in islice(bob.join("lobby", history=2), 2)] == [4, 5]
    bob.join("lobby").leave()
    assert [message.seq for message in islice(bob.join("lobby", after=2), 3)] == [3, 4, 5]
    assert bob.join("lobby").heard == 5
    bob.join("lobby").leave()
    last = bob.join("lobby")
    room.say("6")
    assert next(last).seq == 6


@pytest.mark.long
def test_a_slow_reader_misses_nothing(ana: Chat, bob: Chat) -> None:
    """What no longer fits in memory is fetched from the server's log."""
    slow, talker = ana.join("lobby"), bob.join("lobby")
    for number in range(2500):
        talker.say(str(number))
    assert slow.wait_for(2500, DEADLINE)
    assert [message.seq for message in islice(slow, 2500)] == list(range(1, 2501))
    talker.say("more")
    assert next(slow).text == "more"


def test_reads_back(ana: Chat) -> None:
    """History and search page through as much as is asked for, oldest first."""
    room = ana.join("lobby")
    wide = "漢" * 3900
    for number in range(1, 31):
        room.say(f"{'odd' if number % 2 else 'even'} {wide}")

    def seqs(messages: list[Message]) -> list[int]:
        return [message.seq for message in messages]

    assert seqs(room.history(100)) == list(range(1, 31))
    assert seqs(room.history(12)) == list(range(19, 31))
    assert seqs(room.history(3, before=10)) == [7, 8, 9]
    assert seqs(room.history(20, after=5)) == list(range(6, 26))
    assert room.history(5, after=30) == []
    assert seqs(room.search("odd", 100)) == list(range(1, 31, 2))
    assert seqs(room.search("even", 2, before=20)) == [16, 18]
    assert room.search("nowhere", 5) == []


@pytest.mark.parametrize("name", ["", "two words", "ä", "x" * 51, "half \ud83d"])
def test_refuses_what_is_no_room(ana: Chat, name: str) -> None:
    """Names are checked like texts."""
    with pytest.raises(Refused) as caught:
        ana.join(name)
    assert caught.value.code == "bad_room"


def test_edits_deletes_and_replies(ana: Chat, bob: Chat) -> None:
    """Everybody iterates the entries; the log has the latest state."""
    room, others = ana.join("lobby"), bob.join("lobby", after=0)
    seq = room.say("tee")
    assert room.edit(seq, "tea") == seq + 1
    answer = others.say("thanks", reply_to=seq)
    assert room.delete(seq, "not for you") == answer + 1
    heard = list(islice(others, 4))
    assert [each.kind for each in heard] == ["text", "edit", "text", "delete"]
    assert [each.changes for each in heard] == [0, seq, 0, seq]
    assert heard[2].reply_to == seq
    assert heard[3].text == f"deleted message {seq}: not for you"
    assert [each.text for each in others.history(2, after=0)] == ["(deleted)", "(deleted)"]
    with pytest.raises(Refused) as caught:
        others.edit(seq, "mine")
    assert caught.value.code == "forbidden"
    with pytest.raises(Refused) as caught:
        others.delete(99)
    assert caught.value.code == "no_such_message"
    with pytest.raises(Refused) as caught:
        others.edit(answer, "\x1b[2J")
    assert caught.value.code == "bad_text"
