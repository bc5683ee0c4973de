"""Taking back what was said: who may, what everybody finds then, and what is kept of it."""

from contextlib import closing
from pathlib import Path

import pytest

from chat_server.identity.store.people_store import PeopleStore
from chat_server.requests.talk.changes import EDITS_LIMIT
from tests.chat_server.house import House, whole_log
from tests.chat_server.moderation.order_house import OrderedHouse, ordered_house
from tests.support.clock import ManualClock
from tests.support.peer import Frame, Peer
from tests.support.servers import ServerProcess, running_server
from tests.support.waiting import eventually

EDITED = {"text": "tea", "edited": True}
DELETED = {"text": "(deleted)", "deleted": True}


def change(peer: Peer, kind: str, seq: int, **members: str) -> int:
    """Edit or delete a message in the lobby; return the seq of the entry that says so."""
    entry: int = peer.ok(kind, room="lobby", seq=seq, **members)["seq"]
    return entry


def latest(peer: Peer, seq: int) -> Frame:
    """What the history says a message is now."""
    message: Frame = peer.page("history", room="lobby", after=seq - 1, limit=1)["messages"][0]
    return message


def test_an_edit_is_an_entry_of_the_log(house: House) -> None:
    """Whoever is there gets it, once and in order; the history has the new text."""
    ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
    seq = ada.say("lobby", "tee")
    assert change(ada, "edit", seq, text="tea") == seq + 1
    ada.say("lobby", "now")
    for peer in (ada, eva):
        said, edit, after = peer.messages(3)
        assert (said["text"], "edited" in said) == ("tee", False)
        assert {
            "kind": "edit",
            "changes": seq,
            "text": "tea",
            "from": "ada",
        }.items() <= edit.items()
        assert [each["seq"] for each in (said, edit, after)] == [1, 2, 3]
    assert EDITED.items() <= latest(eva, seq).items()


def test_a_deletion_leaves_nothing_of_the_text(house: House) -> None:
    """Neither in the history, nor in a search, nor for who comes in: nor in an edit before it."""
    ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
    seq = ada.say("lobby", "a terrible secret")
    edit = change(ada, "edit", seq, text="a horrible secret")
    assert eva.page("search", room="lobby", query="horrible")["messages"][0]["seq"] == seq
    change(ada, "delete", seq)
    new = house.connect()
    new.hello("new")
    new.join("lobby", after=0)
    for found in (whole_log(eva, "lobby"), new.messages(3)):
        assert [each["seq"] for each in found] == [seq, edit, edit + 1]
        assert DELETED.items() <= found[0].items()
        assert DELETED.items() <= found[1].items()
        assert (found[2]["kind"], found[2]["changes"]) == ("delete", seq)
        assert found[2]["text"] == f"deleted message {seq}"
        assert "secret" not in str(found)
    for word in ("secret", "terrible", "horrible", "deleted"):
        assert eva.page("search", room="lobby", query=word)["messages"] == [], word


def test_a_search_finds_what_a_message_says_now(house: House) -> None:
    """Whether it was looked for before it was edited, or not; and the message, not the edit."""
    ada = house.enter("ada", "lobby")
    first, second = ada.say("lobby", "tee one"), ada.say("lobby", "tee two")
    assert len(ada.page("search", room="lobby", query="tee")["messages"]) == 2
    change(ada, "edit", first, text="tea one")
    change(ada, "edit", second, text="cake two")
    change(ada, "edit", second, text="tea two")
    found = ada.page("search", room="lobby", query="tea")["messages"]
    assert [(each["seq"], each["text"]) for each in found] == [(1, "tea one"), (2, "tea two")]
    for word in ("tee", "cake"):
        assert ada.page("search", room="lobby", query=word)["messages"] == []


def test_another_persons_message_is_the_moderators_to_delete(place: OrderedHouse) -> None:
    """And nobody's to edit. A member may do neither."""
    zoe, eva = place.enter("zoe", "lobby"), place.enter("eva", "lobby")
    seq = zoe.say("lobby", "you are all stupid")
    eva.refused("forbidden", "delete", room="lobby", seq=seq)
    eva.refused("forbidden", "edit", room="lobby", seq=seq, text="we are all kind")
    place.mia.refused("forbidden", "edit", room="lobby", seq=seq, text="we are all kind")
    entry = change(place.mia, "delete", seq, reason="be kind")
    assert latest(eva, entry)["text"] == f"deleted message {seq}: be kind"
    assert DELETED.items() <= latest(eva, seq).items()
    place.ada.refused("forbidden", "delete", room="lobby", seq=seq)
    zoe.refused("forbidden", "edit", room="lobby", seq=seq, text="really")


def test_authors_have_some_time(place: OrderedHouse, clock: ManualClock) -> None:
    """Ten minutes. Moderators have more for what others said."""
    zoe = place.enter("zoe", "lobby")
    seq = zoe.say("lobby", "hi")
    clock.advance(599)
    change(zoe, "edit", seq, text="hello")
    clock.advance(2)
    error = zoe.refused("forbidden", "edit", room="lobby", seq=seq, text="hey")
    assert "10 min" in error["text"]
    zoe.refused("forbidden", "delete", room="lobby", seq=seq)
    change(place.mia, "delete", seq)


def test_the_time_is_a_setting(clock: ManualClock) -> None:
    """Without a limit, whenever one likes."""
    with ordered_house(clock=clock, edit_time=None) as place:
        zoe = place.enter("zoe", "lobby")
        seq = zoe.say("lobby", "hi")
        clock.advance(100_000)
        change(zoe, "edit", seq, text="hello")


def test_a_nick_alone_makes_nobody_an_author(house: House) -> None:
    """Who has it next is somebody else."""
    ada = house.enter("ada", "lobby")
    seq = ada.say("lobby", "hi")
    ada.ok("nick", nick="eva")
    other = house.enter("ada", "lobby")
    other.refused("forbidden", "delete", room="lobby", seq=seq)
    other.refused("forbidden", "edit", room="lobby", seq=seq, text="no")
    change(ada, "delete", seq)


def test_an_account_is_an_author_on_every_device(house: House) -> None:
    """What its sessions said is its own, whichever of them asks."""
    ada = house.enter("ada", "lobby")
    ada.ok("register", password="correct horse")
    seq = ada.say("lobby", "hi")
    ada.ok("bye")
    phone = house.enter("ada", "lobby", account_password="correct horse")
    change(phone, "edit", seq, text="hello")
    house.enter("eva", "lobby").refused("forbidden", "delete", room="lobby", seq=seq)


@pytest.mark.parametrize(
    ("kind", "seq", "code"),
    [("edit", 9, "no_such_message"), ("delete", 9, "no_such_message"), ("edit", 0, "bad_request")],
)
def test_a_message_that_there_is_not(house: House, kind: str, seq: int, code: str) -> None:
    """It is refused in a sentence."""
    ada = house.enter("ada", "lobby")
    members = {"text": "hi"} if kind == "edit" else {}
    ada.refused(code, kind, room="lobby", seq=seq, **members)


def test_what_is_no_text_of_a_person_is_not_edited(place: OrderedHouse) -> None:
    """Topics and notices are only deleted, by moderators; entries that change others, never."""
    topic = place.mia.ok("topic", room="lobby", topic="sockets")["seq"]
    place.mia.ok("announce", room="lobby", text="bring a laptop")
    (notice,) = (each["seq"] for each in whole_log(place.mia, "lobby") if each["kind"] == "notice")
    said = place.mia.say("lobby", "hi")
    edit = change(place.mia, "edit", said, text="hello")
    for seq in (topic, notice, edit):
        place.mia.refused("forbidden", "edit", room="lobby", seq=seq, text="no")
    deletion = change(place.mia, "delete", topic)
    change(place.mia, "delete", notice)
    for seq in (edit, deletion):
        place.ada.refused("forbidden", "delete", room="lobby", seq=seq)
    assert DELETED.items() <= latest(place.ada, topic).items()
    assert latest(place.ada, topic)["kind"] == "text"


def test_a_message_is_edited_so_often(house: House) -> None:
    """What it said each time is kept: that has an end."""
    ada = house.enter("ada", "lobby")
    seq = ada.say("lobby", "0")
    for number in range(1, EDITS_LIMIT + 1):
        change(ada, "edit", seq, text=str(number))
    ada.refused("forbidden", "edit", room="lobby", seq=seq, text="again")
    change(ada, "delete", seq)


def test_changes_that_come_at_once_count_one_by_one(house: House) -> None:
    """Each waits for what was asked before it: so nobody gets round a limit in a hurry."""
    ada = house.enter("ada", "lobby")
    said = ada.post("say", room="lobby", text="0")
    edits = [
        ada.post("edit", room="lobby", seq=1, text=str(number))
        for number in range(1, EDITS_LIMIT + 2)
    ]
    deletions = [ada.post("delete", room="lobby", seq=1) for _ in range(2)]
    answers = [ada.reply(each) for each in (said, *edits, *deletions)]
    refused = [place for place, answer in enumerate(answers) if answer["type"] != "ok"]
    assert refused == [EDITS_LIMIT + 1, EDITS_LIMIT + 3]
    assert {answers[place]["code"] for place in refused} == {"forbidden"}


def test_who_may_not_talk_changes_nothing(place: OrderedHouse) -> None:
    """Muted, in a frozen room, out of the room, or faster than slow mode allows."""
    zoe = place.enter("zoe", "lobby")
    seq = zoe.say("lobby", "hi")
    place.mia.ok("slow", room="lobby", seconds=60)
    change(zoe, "edit", seq, text="hello")
    zoe.refused("rate_limited", "edit", room="lobby", seq=seq, text="hey")
    place.mia.ok("slow", room="lobby", seconds=0)
    place.mia.ok("freeze", room="lobby")
    zoe.refused("muted", "edit", room="lobby", seq=seq, text="hey")
    zoe.refused("muted", "delete", room="lobby", seq=seq)
    place.mia.ok("unfreeze", room="lobby")
    place.mia.ok("mute", who="zoe")
    zoe.refused("muted", "edit", room="lobby", seq=seq, text="hey")
    zoe.refused("muted", "delete", room="lobby", seq=seq, reason="hey")
    place.mia.ok("unmute", who="zoe")
    zoe.ok("leave", room="lobby")
    zoe.refused("not_in_room", "delete", room="lobby", seq=seq)
    assert latest(place.mia, seq)["text"] == "hello"


def test_sent_again_it_is_done_once(tmp_path: Path) -> None:
    """With the same id, on the next connection and after a restart; the audit log has a line."""
    with ordered_house(tmp_path) as place:
        seq = place.enter("zoe", "lobby").say("lobby", "hi")
        again = place.mia.next_id()
        frame = {"type": "delete", "id": again, "room": "lobby", "seq": seq}
        place.mia.send(frame)
        entry = place.mia.reply(again)["seq"]
        place.mia.send(frame)
        assert place.mia.reply(again)["seq"] == entry
        session = place.mia.session
    with running_server(tmp_path) as server, House(server) as house:
        mia = house.enter("mia", "lobby", session=session)
        mia.send(frame)
        assert mia.reply(again)["seq"] == entry
        log = whole_log(mia, "lobby")
        assert [each["kind"] for each in log].count("delete") == 1
        assert DELETED.items() <= log[seq - 1].items()
    with closing(PeopleStore(tmp_path)) as people:
        acts = [act for _, act in people.acts() if act.act == "delete"]
    assert [(act.who, act.whom) for act in acts] == [("mia", f"lobby/{seq}")]


def test_a_kill_loses_no_change(tmp_path: Path) -> None:
    """What was confirmed is there: the entry, the latest state, and the line of who did it."""
    with ServerProcess.serve(tmp_path) as server:
        with House(server.address) as house:
            ada = house.enter("ada", "lobby")
            edited, deleted = ada.say("lobby", "tee"), ada.say("lobby", "a secret")
            change(ada, "edit", edited, text="tea")
            change(ada, "delete", deleted)
            session = ada.session
            server.kill()
        with server.restarted() as again, House(again.address) as house:
            ada = house.enter("ada", "lobby", session=session)
            log = whole_log(ada, "lobby")
            assert [each["text"] for each in log[:3]] == ["tea", "(deleted)", "tea"]
            assert (log[3]["kind"], log[3]["changes"]) == ("delete", deleted)
            assert ada.page("search", room="lobby", query="secret")["messages"] == []
            ada.skip_ids(100)
            change(ada, "edit", edited, text="green tea")
    with closing(PeopleStore(tmp_path)) as people:
        acts = [(act.act, act.whom) for _, act in people.acts()]
    assert acts == [
        ("edit", f"lobby/{edited}"),
        ("delete", f"lobby/{deleted}"),
        ("edit", f"lobby/{edited}"),
    ]


def test_a_reply_names_what_it_answers(house: House) -> None:
    """In the log, live and later. A message that there is not yet has no reply."""
    ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
    seq = ada.say("lobby", "is recv blocking?")
    reply = eva.say("lobby", "yes", reply_to=seq)
    assert ada.messages(2)[1]["reply_to"] == seq
    assert latest(ada, reply)["reply_to"] == seq
    error = eva.refused("no_such_message", "say", room="lobby", text="to what?", reply_to=reply + 1)
    assert "there is no message" in error["text"]
    change(ada, "delete", seq)
    assert latest(ada, eva.say("lobby", "why?", reply_to=seq))["reply_to"] == seq


def test_changes_of_one_moment_share_a_commit(place: OrderedHouse) -> None:
    """And wait for it with no lock: what their authors ask next on another connection goes on."""
    commits = place.running._parts.people.commits
    authors = [place.enter(f"n{number}", "lobby") for number in range(20)]
    seqs = [author.say("lobby", "hi") for author in authors]
    before = commits.commits
    with commits.writing():
        asked = [
            author.post("delete", room="lobby", seq=seq)
            for author, seq in zip(authors, seqs, strict=True)
        ]
        eventually(lambda: commits._waiting == len(authors))
        again = place.enter("n0", session=authors[0].session)
        again.skip_ids(100)
        again.join("lobby")
        again.say("lobby", "still here")
    for author, identity in zip(authors[1:], asked[1:], strict=True):
        assert author.reply(identity)["type"] == "ok"
    assert commits.commits == before + 1
