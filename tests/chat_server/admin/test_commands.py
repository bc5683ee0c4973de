"""The commands about what goes on, as an operator types them."""

import json
import os
import resource
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chat_server.admin.command_line import main
from chat_server.identity import owner_secret
from chat_server.identity.store.people_store import FILE
from chat_server.version import SERVER
from tests.chat_server.admin.folders import Operator
from tests.chat_server.house import House
from tests.chat_server.storage.test_hard_times import fill_the_disk, limit, needs_prlimit
from tests.support.clock import ManualClock
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.servers import ServerProcess, address_of, running_server
from tests.support.waiting import eventually


def test_status(operator: Operator) -> None:
    """What an operator wants to know first, for people and for programs."""
    clock = ManualClock(1_795_168_800.0)
    with running_server(operator.data, clock) as server, House(address_of(server)) as house:
        house.enter("ada", "lobby").say("lobby", "hi")
        house.enter("eva", "lobby", "garden")
        clock.advance(3900)
        house.connect()
        eventually(lambda: operator.done("status", "--json").records[0]["unnamed"])
        found = dict(line.split(maxsplit=1) for line in operator.done("status").lines)
        (record,) = operator.done("status", "--json").records
    assert found["server"].startswith(SERVER)
    assert found["running"] == "for 1 h 5 min, since 2026-11-20 10:00:00 UTC"
    assert found["listening"] == address_of(server)
    assert found["clients"] == "2, and 1 that have not said hello"
    assert (found["rooms"], found["messages"], found["storing"]) == ("2", "1", "yes")
    assert (record["clients"], record["unnamed"], record["rooms"]) == (2, 1, 2)
    assert record["process"] == os.getpid()
    assert record["history"] > 0
    assert record["free"] > 0


def test_clients(operator: Operator) -> None:
    """Who, from where, since when, and where they are; by nick."""
    clock = ManualClock()
    with (
        # No ping meanwhile, whose answer would be heard from Eva at some moment.
        running_server(operator.data, clock, ping_interval=600.0, patience=900.0) as server,
        House(address_of(server)) as house,
    ):
        eva = house.enter("Eva", "lobby", "garden")
        clock.advance(120)
        house.enter("ada", "lobby")
        eva.ping()
        clock.advance(15)
        house.connect()
        eventually(lambda: len(operator.done("clients", "--json").records) == 3)
        records = operator.done("clients", "--json").records
        table = operator.done("clients").lines
        garden = operator.done("clients", "--room", "garden", "--json").records
        assert "attic" in operator.refused("clients", "--room", "attic")
    assert [record["nick"] for record in records] == ["ada", "Eva", None]
    assert (records[1]["connected"], records[1]["silent"]) == (135.0, 15.0)
    assert records[1]["rooms"] == ["garden", "lobby"]
    assert records[1]["address"].startswith("127.0.0.1:")
    assert table[0].split()[:2] == ["nick", "account"]
    assert "2 min" in table[2]
    assert "(no hello yet)" in table[3]
    assert [record["nick"] for record in garden] == ["Eva"]


def test_a_client_that_does_not_read_is_seen(operator: Operator) -> None:
    """That it is behind, and how much waits for it."""
    with running_server(operator.data) as server, House(address_of(server)) as house:
        house.enter("sleepy", "lobby")
        ada = house.enter("ada", "lobby")
        behind = False
        while not behind:
            for _ in range(100):
                ada.post("say", room="lobby", text="x" * 4000)
            ada.ping()
            (record,) = operator.done("status", "--json").records
            behind = bool(record["behind"])
        (sleepy,) = [
            record
            for record in operator.done("clients", "--json").records
            if record["nick"] == "sleepy"
        ]
        assert sleepy["behind"]
        assert sleepy["waiting"] > 0


def test_rooms(operator: Operator) -> None:
    """With how many are in, how much was said, and the topic, which is harmless."""
    with running_server(operator.data) as server, House(address_of(server)) as house:
        ada = house.enter("ada", "lobby", "garden")
        ada.ok("topic", room="garden", topic="line\none\tof\u202etwo")
        records = operator.done("rooms", "--json").records
        table = operator.done("rooms").out
    assert [(record["room"], record["members"], record["messages"]) for record in records] == [
        ("garden", 1, 1),
        ("lobby", 1, 0),
    ]
    assert "line one of\\u202etwo" in table


def test_an_empty_house(operator: Operator) -> None:
    """Says so to people; programs get no line."""
    with running_server(operator.data):
        for command in ("clients", "rooms"):
            assert operator.done(command).lines == ["none"]
            assert operator.done(command, "--json").lines == []


@pytest.mark.parametrize("command", ["status", "clients", "rooms"])
def test_without_a_server(operator: Operator, command: str) -> None:
    """A sentence that says what to do, and exit code 1."""
    sentence = operator.refused(command)
    assert str(operator.data) in sentence
    assert "--data" in sentence


def test_many_clients(operator: Operator) -> None:
    """More than fit one frame."""
    with running_server(operator.data) as server, House(address_of(server)) as house:
        rooms = [f"room-with-a-rather-long-name-{number}" for number in range(40)]
        for number in range(60):
            house.enter(f"pupil{number}", *rooms)
        records = operator.done("clients", "--json").records
    assert {record["nick"] for record in records} == {f"pupil{number}" for number in range(60)}
    assert all(len(record["rooms"]) == 40 for record in records)


def test_the_secret_of_the_owner_is_shown_again(operator: Operator) -> None:
    """As often as the operator wants, while the server runs or not; it stays the same."""
    assert "people.db" in operator.refused("owner-secret")
    with running_server(operator.data) as server, House(address_of(server)) as house:
        (shown,) = operator.done("owner-secret").lines
        assert shown == f"to be in charge, type:  /claim {server.owner_secret}"
        secret = shown.rpartition(" ")[2]
        assert house.enter("ada").ok("claim", secret=secret)["role"] == "owner"
    assert operator.done("owner-secret", "--json").records == [{"secret": secret}]
    with running_server(operator.data) as server:
        assert server.owner_secret is None
    whos = [each["who"] for each in operator.done("audit", "--format", "json").records]
    assert whos == ["ada"]


def test_a_new_secret_of_the_owner(operator: Operator) -> None:
    """For who lost the first to others: the new one counts at once, the old one no more."""
    assert "people.db" in operator.refused("owner-secret", "--new")
    with running_server(operator.data) as server, House(address_of(server)) as house:
        first = server.owner_secret
        (shown, _) = operator.done("owner-secret", "--new").lines
        ada = house.enter("ada")
        assert first
        assert ada.request("claim", secret=first)["type"] == "error"
        assert ada.ok("claim", secret=shown.rpartition(" ")[2])["role"] == "owner"
        assert operator.done("owner-secret").lines == [shown]
    (record,) = operator.done("owner-secret", "--new", "--json").records
    with running_server(operator.data) as server, House(address_of(server)) as house:
        assert server.owner_secret is None
        assert house.enter("eva").ok("claim", secret=record["secret"])["role"] == "owner"
        roles = [each["role"] for each in operator.done("clients", "--json").records]
    assert roles == ["owner"]
    whos = [each["who"] for each in operator.done("audit", "--format", "json").records]
    assert whos == ["the operator", "ada", "the operator", "eva"]


@pytest.mark.parametrize("content", [None, b"", b"abcd-efgh-jkmn-pqrs-tuvw\n", b"\xff" * 5000])
def test_a_folder_that_has_a_hash_alone_needs_a_new_secret(
    operator: Operator, content: bytes | None
) -> None:
    """One of an earlier version, a copy, or one whose file is another's."""
    path = operator.data / owner_secret.FILE
    with running_server(operator.data) as server:
        secret = server.owner_secret
        server.note_secret_shown()
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert "owner-secret --new" in operator.refused("owner-secret")
    with running_server(operator.data) as server, House(address_of(server)) as house:
        assert server.owner_secret is None
        assert house.enter("ada").ok("claim", secret=secret)["role"] == "owner"
    new = operator.done("owner-secret", "--new").lines[0]
    assert operator.done("owner-secret").lines == [new]


def test_accounts_are_shown(operator: Operator) -> None:
    """Whose a nick is, and who is logged in."""
    with running_server(operator.data) as server, House(address_of(server)) as house:
        house.enter("ada", "lobby").ok("register", password="correct horse")
        house.enter("eva", "lobby")
        records = operator.done("clients", "--json").records
    assert [(each["nick"], each["account"]) for each in records] == [("ada", "ada"), ("eva", None)]


def test_kick(operator: Operator) -> None:
    """Who is thrown out is told why, and so are the others; it is in the audit log."""
    with running_server(operator.data) as server, House(address_of(server)) as house:
        ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
        assert operator.done("kick", "eva", "too loud").lines == ["eva was thrown out."]
        goodbye = eva.expect_end("kicked")[-1]
        assert goodbye["text"] == "You were thrown out by the operator: too loud"
        (notice,) = ada.messages(1)
        assert (notice["kind"], notice["from"]) == ("notice", "the operator")
        assert "eva" in notice["text"]
        assert "eva" in operator.refused("kick", "eva")
        assert "nick" in operator.refused("kick", "#")
        assert operator.done("kick", "127.0.0.0/8", "--json").records[0]["text"]
        ada.expect_end("kicked")
    acts = operator.done("audit", "--format", "json").records
    assert [(act["who"], act["act"], act["whom"], act["reason"]) for act in acts] == [
        ("the operator", "kick", "eva", "too loud"),
        ("the operator", "kick", "127.0.0.0/8", ""),
    ]


def test_an_owner_can_be_kicked(operator: Operator) -> None:
    """The operator stands above owners."""
    with running_server(operator.data) as server, House(address_of(server)) as house:
        ada = house.enter("ada", "lobby")
        ada.ok("claim", secret=server.owner_secret)
        operator.done("kick", "ada")
        ada.expect_end("kicked")


def test_announce(operator: Operator) -> None:
    """In all rooms that somebody is in, or in one; it is in the log of the room when it is done."""
    with running_server(operator.data) as server, House(address_of(server)) as house:
        assert "nobody" in operator.refused("announce", "Hello?")
        ada, eva = house.enter("ada", "lobby"), house.enter("eva", "garden")
        done = operator.done("announce", "The server restarts at noon.")
        assert done.lines == ["it was said in 2 rooms."]
        for peer in (ada, eva):
            (notice,) = peer.messages(1)
            assert (notice["kind"], notice["from"]) == ("notice", "the operator")
            assert notice["text"] == "The server restarts at noon."
        operator.done("announce", "Only here.", "--room", "garden")
        assert eva.messages(1)[0]["text"] == "Only here."
        assert "no room attic" in operator.refused("announce", "x", "--room", "attic")
        assert "control" in operator.refused("announce", "\x1b[2J")
        assert operator.done("export", "--room", "garden").lines[-1].endswith("Only here.")
        ada.ping()
        assert not [frame for frame in ada.queue if frame["type"] == "message"]


@needs_prlimit
def test_an_announcement_that_cannot_be_stored(operator: Operator) -> None:
    """Exit code 1, with why; the next one is heard."""
    with ServerProcess.serve(operator.data) as server, House(server.address) as house:
        ada = house.enter("ada", "lobby")
        fill_the_disk(server, operator.data)
        outcomes = [operator.types("announce", "x" * 4000) for _ in range(60)]
        failed = [outcome for outcome in outcomes if outcome.code]
        assert failed
        assert all(outcome.err.startswith("chat-server admin: ") for outcome in failed)
        limit(server, resource.RLIMIT_FSIZE)
        operator.done("announce", "Again.")
        heard = ada.messages(len(outcomes) - len(failed) + 1)
        assert heard[-1]["text"] == "Again."


def test_remove_account(operator: Operator) -> None:
    """A connected owner of it keeps the nick as a member. Later anybody may take it."""
    with running_server(operator.data) as server, House(address_of(server)) as house:
        ada, eva = house.enter("Ada", "lobby"), house.enter("eva", "lobby")
        ada.ok("claim", secret=server.owner_secret)
        ada.ok("register", password="correct horse")
        (sentence,) = operator.done("remove-account", "@ADA").lines
        assert sentence.startswith("the account Ada was removed; ")
        assert sentence.endswith("without an account: Ada.")
        ada.expect("role", role="owner", by="Ada")
        ada.expect("role", role="member", by="the operator")
        ada.say("lobby", "still here")
        for nick in ("ada", "\u0430da"):
            eva.refused("nick_in_use", "nick", nick=nick)
        eva.refused("forbidden", "login", account="ada", password="correct horse")
        shown = operator.done("clients", "--json").records
        assert [(each["account"], each["role"]) for each in shown] == [(None, "member")] * 2
        ada.ok("bye")
        ada.expect_end("bye")
        assert eva.ok("nick", nick="ada")["nick"] == "ada"
        assert eva.ok("register", password="battery staple")["account"] == "ada"
    acts = operator.done("audit", "--format", "json").records
    assert [(act["who"], act["act"], act["whom"]) for act in acts[2:3]] == [
        ("the operator", "remove-account", "@Ada")
    ]


def test_an_account_that_was_removed_does_not_come_back(operator: Operator) -> None:
    """With a restart or an old session; nor does the role that the session had before."""
    with running_server(operator.data) as server, House(address_of(server)) as house:
        olga, ada = house.enter("olga"), house.enter("ada")
        olga.ok("claim", secret=server.owner_secret)
        olga.ok("op", who="ada")
        ada.ok("register", password="correct horse")
        ada.ok("nick", nick="lovelace")
        (record,) = operator.done("remove-account", "ada", "--json").records
        assert record["text"].endswith(": lovelace.")
        assert house.connect().hello("ada")["type"] == "welcome"
    with running_server(operator.data) as server, House(address_of(server)) as house:
        welcome = house.connect().hello("ada", session=ada.session)
        assert (welcome["role"], welcome.get("account")) == ("member", None)


def test_an_account_that_is_called_like_an_address_can_be_removed(operator: Operator) -> None:
    """Earlier versions took an address for a nick. Nobody can be called that any more."""
    with running_server(operator.data) as server, House(address_of(server)) as house:
        house.enter("ada").ok("register", password="correct horse")
    with closing(sqlite3.connect(operator.data / FILE)) as people, people:
        people.execute("UPDATE accounts SET name = '10.0.0.7', key = '10.0.0.7'")
    with running_server(operator.data) as server, House(address_of(server)) as house:
        olga = house.enter("olga")
        olga.ok("claim", secret=server.owner_secret)
        assert house.connect().hello("10.0.0.7")["code"] == "bad_nick"
        olga.refused("bad_nick", "login", account="10.0.0.7", password="correct horse")
        olga.ok("op", who="@10.0.0.7")
        olga.ok("ban", who="@10.0.0.7")
        (sentence,) = operator.done("remove-account", "@10.0.0.7").lines
        assert sentence.startswith("the account 10.0.0.7 was removed")


def test_there_is_no_account_to_remove(operator: Operator) -> None:
    """A sentence says so, also for a nick without an account. The audit log has no line."""
    assert "no server runs" in operator.refused("remove-account", "ada")
    with running_server(operator.data) as server, House(address_of(server)) as house:
        house.enter("ada").ok("register", password="correct horse")
        house.enter("eva")
        assert "there is no account 'eva'" in operator.refused("remove-account", "eva")
        assert "nick" in operator.refused("remove-account", "#")
        operator.done("remove-account", "ada")
        assert "there is no account 'ada'" in operator.refused("remove-account", "ada")
    acts = [act["act"] for act in operator.done("audit", "--format", "json").records]
    assert acts == ["register", "remove-account"]


def test_bans_of_an_account_go_with_it(operator: Operator) -> None:
    """Nobody could lift them any more; those of its nick stay, and who is a member is not told."""
    with running_server(operator.data) as server, House(address_of(server)) as house:
        olga, ada = house.enter("olga"), house.enter("ada", "lobby")
        olga.ok("claim", secret=server.owner_secret)
        ada.ok("register", password="correct horse")
        olga.ok("mute", who="@ada")
        ada.refused("muted", "say", room="lobby", text="hi")
        operator.done("remove-account", "ada")
        ada.say("lobby", "hi")
        assert not [frame for frame in ada.queue if frame["type"] == "role"]
        ada.ok("register", password="correct horse")
        olga.ok("mute", who="ada")
        operator.done("remove-account", "ada")
        ada.refused("muted", "say", room="lobby", text="hi")
        assert [each["who"] for each in olga.page("bans")["bans"]] == ["ada"]
        olga.ok("unmute", who="ada")
        ada.say("lobby", "hi")


@needs_redis
@pytest.mark.long
def test_migrate_says_what_was_moved_and_what_was_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """To Redis and back; wrong use is refused with a sentence."""
    with running_server(tmp_path / "one") as server, House(server) as house:
        house.enter("ada", "lobby").say("lobby", "hello")
    one, two = ("--data", str(tmp_path / "one")), ("--data", str(tmp_path / "two"))
    with RedisServer(tmp_path / "redis") as redis:
        assert main(["migrate", "--to", redis.url, *one]) == 0
        said = capsys.readouterr().out
        assert f"1 messages of 1 rooms and 1 sessions were copied from {one[1]} to" in said
        assert "stay in the data folder" in said
        assert main(["migrate", "--from", redis.url, "--json", *two]) == 0
        assert json.loads(capsys.readouterr().out) == {"rooms": 1, "messages": 1, "sessions": 1}
        assert main(["migrate", "--to", redis.url, *one]) == 1
        assert "there are logs in" in capsys.readouterr().err
        assert main(["migrate", "--to", "sqlite", *one]) == 1
        assert "'sqlite' is no address of Redis" in capsys.readouterr().err
        assert main(["migrate", "--to", "redis://:secret@host", *one]) == 1
        assert "holds a password" in capsys.readouterr().err


@needs_redis
@pytest.mark.long
def test_servers_lists_all_that_share_a_redis(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The one that is asked first; and one without Redis alone."""
    data = ("--data", str(tmp_path / "one"))
    with (
        RedisServer(tmp_path / "redis") as redis,
        running_server(tmp_path / "one", log=redis.address, name="first") as one,
        running_server(tmp_path / "two", log=redis.address, name="second") as two,
        House(two) as house,
    ):
        house.enter("ada", "lobby", "garden")

        def rows() -> list[dict[str, Any]]:
            assert main(["servers", "--json", *data]) == 0
            return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

        found = eventually(lambda: (all_ := rows())[1:] and all_[1]["members"] == 2 and all_)
        assert [row["name"] for row in found] == ["first", "second"]
        assert found[1]["addresses"] == [address_of(two)]
        assert (found[1]["connections"], found[1]["clients"]) == (1, 1)
        eventually(lambda: rows()[0]["lag"] > 0)
        assert main(["servers", *data]) == 0
        said = capsys.readouterr().out
        assert address_of(one) in said
        assert address_of(two) in said
    with running_server(tmp_path / "three"):
        assert main(["servers", "--json", "--data", str(tmp_path / "three")]) == 0
        (row,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert (row["pid"], row["round_trip"]) == (os.getpid(), 0.0)
