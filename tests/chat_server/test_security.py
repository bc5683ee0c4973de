"""Lines of docs/security.md about the server: each attack here was tried before it was mended."""

import base64
import gc
import os
import re
import shutil
import sqlite3
import stat
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import pytest

from chat_server.network.addresses import neighbourhood
from chat_server.requests import rate_limit
from chat_server.requests.dispatch import REQUESTS, Queue
from chat_server.requests.rate_limit import RateLimit
from chat_server.rooms.people.session import token_hash
from chat_server.runtime.config.setting_types import Endpoint
from chat_server.storage.database import RESERVED_MOST
from chat_server.storage.maintenance import UNUSED_AFTER, UNUSED_INTERVAL
from chat_server.storage.searching.search_tokens import TOKENS_LIMIT, WORDS_LIMIT, phrases_of
from chat_server.storage.sqlite.log import SqliteLog
from protocol.errors import Code
from protocol.framing import FRAME_LIMIT
from protocol.messages import AnyRequest, Bye, Hello, Pong
from protocol.text import (
    MARKS_LIMIT,
    TEXT_LIMIT,
    normalize_nick,
    normalize_password,
    normalize_text,
)
from protocol.tls import Channel
from tests.chat_server.house import House
from tests.chat_server.storage.logs import append, entry, numbered
from tests.protocol.attempts import refuse
from tests.support.clock import ManualClock
from tests.support.servers import running_server
from tests.support.waiting import eventually

QUICK = 0.25
"""Seconds. What is refused at once takes a hundredth of this; before it was mended, two seconds."""

# -- what one frame can cost ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (normalize_text, "a" + "\u0301\u0316" * 15_000),
        (normalize_text, "a" + "\u0f73" * 20_000),
        (normalize_text, "\u2603" * 4_000 + "\u0316\u0301" * 6_000),
        (normalize_nick, "a" + "\u0301\u0316" * 15_000),
        (normalize_nick, "\ufdfa" * 20_000),
        (normalize_nick, "a" * 60_000),
        (normalize_password, "a" + "\u0301\u0316" * 15_000),
    ],
    ids=[
        "marks",
        "double-marks",
        "marks-after-signs",
        "nick-of-marks",
        "nick-that-grows",
        "nick",
        "password",
    ],
)
def test_no_frame_is_slow_to_normalise(check: Callable[[str], str], text: str) -> None:
    """The interpreter does nothing else meanwhile: a pupil with a loop would stop the school."""
    began = time.process_time()
    refuse(check, text)
    assert time.process_time() - began < QUICK


def test_marks_on_a_letter_are_counted() -> None:
    """As many as any language needs are fine, also among other signs; one more is not."""
    most = "a" + "\u0301" * MARKS_LIMIT
    assert normalize_text(most * 100)
    assert normalize_text(f"{most}\u2603\u2603{most}")
    assert refuse(normalize_text, f"{most}\u0301").code == Code.BAD_TEXT
    assert normalize_text("🦊" * TEXT_LIMIT)


def test_a_page_is_not_read_a_hundred_times_over(tmp_path: Path) -> None:
    """Of a thousand texts of the longest, that were asked for, some twenty are read."""
    store = SqliteLog(tmp_path)
    try:
        texts = [f"{number} {'x' * (TEXT_LIMIT - 5)}" for number in range(100, 200)]
        entries = [entry(text, request=number) for number, text in enumerate(texts, 1)]
        append(store, *entries)
        messages = numbered(entries, 1)
        least = FRAME_LIMIT // TEXT_LIMIT
        assert store.before("lobby", None, 1001, FRAME_LIMIT) == messages[-least - 1 :]
        assert store.after("lobby", 0, 1001, FRAME_LIMIT) == messages[: least + 1]
        assert len(store.search("lobby", "1", None, 1001, FRAME_LIMIT)) == least + 1
    finally:
        store.close()


def test_a_search_is_for_a_few_words(house: House) -> None:
    """Each word costs a look at all that begins with it: two thousand took a minute."""
    ada = house.enter("ada", "lobby")
    ada.say("lobby", "alpha beta")
    words = " ".join(chr(ord("a") + number) * 2 for number in range(WORDS_LIMIT + 1))
    assert "10" in ada.refused("bad_request", "search", room="lobby", query=words)["text"]
    assert ada.page("search", room="lobby", query="a " * 1000 + "alp")["messages"]
    signs = "".join(chr(0x4E00 + number) for number in range(TOKENS_LIMIT + 1))
    assert "50" in ada.refused("bad_request", "search", room="lobby", query=signs)["text"]


def test_a_word_that_another_begins_with_is_not_looked_for() -> None:
    """It says nothing more: what has `alpha` has a word that begins with `al`."""
    assert phrases_of("al alpha beta ALPHA Alphabet b") == [("beta",), ("alphabet",)]
    assert phrases_of("Straße strasse") == [("strasse",)]
    assert phrases_of("- !") == []


@pytest.mark.parametrize("nick", ["\u13aadmin", "\ua4eedmin", "\u2c81dmin", "adm\u1422n"])
def test_no_rare_script_disguises_a_nick(nick: str) -> None:
    """Cherokee, Lisu, Coptic, Canadian syllabics among Latin letters: none is a name of anybody."""
    assert refuse(normalize_nick, nick).code == Code.BAD_NICK


def test_a_rare_script_alone_is_as_good_as_any() -> None:
    """Latin letters beside Chinese or Cyrillic are allowed, too."""
    for nick in ("\u13e3\u13b3\u13a9", "李xiaolong", "вася2", "zoë"):
        assert normalize_nick(nick)


# -- what there is only so much of ----------------------------------------------------------------


def test_nobody_takes_all_the_rooms() -> None:
    """A room in which something was said stays: who could make them all would leave none."""
    with running_server(rooms_per_address=2) as server, House(server) as house:
        mallory, ada = house.enter("mallory", "r1", "r2"), house.enter("ada")
        assert "2" in mallory.refused("too_many_rooms", "join", room="r3")["text"]
        assert ada.refused("too_many_rooms", "join", room="r3")["retry_after"] > 0
        ada.join("r1")
        mallory.ok("leave", room="r2")  # where nothing was said
        ada.join("r3")


def test_sessions_that_said_nothing_are_forgotten_while_it_runs(tmp_path: Path) -> None:
    """Coming in and going again, all day, does not fill the disk; what is of use is kept."""
    clock = ManualClock()
    with running_server(tmp_path, clock, interval=0.01) as server, House(server) as house:

        def kept() -> int:
            with closing(sqlite3.connect(tmp_path / "history.db")) as database:
                ((count,),) = database.execute("SELECT count(*) FROM sessions")
                return int(count)

        here, talker = house.enter("here"), house.enter("talker", "lobby")
        talker.say("lobby", "hi")
        member, muted, owner = house.enter("member"), house.enter("muted"), house.enter("owner")
        member.ok("register", password="correct horse")
        owner.ok("claim", secret=server.owner_secret)
        owner.ok("mute", who="muted")
        guests = [house.enter(f"guest{number}") for number in range(20)]
        for peer in (talker, member, muted, *guests):
            peer.ok("bye")
            peer.expect_end("bye")
            peer.close()
        house.enter("newest")
        eventually(lambda: kept() == 26)
        clock.advance(UNUSED_AFTER)
        server.timers.wake()  # which hold those who have gone until what was due is done
        registry = server._parts.registry
        hashes = [token_hash(guest.session) for guest in guests]
        # A session and its connection know each other: the collector takes them.
        eventually(lambda: gc.collect() + 1 and not any(map(registry.has_session, hashes)))
        clock.advance(UNUSED_INTERVAL)
        eventually(lambda: kept() == 6)
        here.ping()
        back = house.connect()
        assert back.hello("other", session=talker.session)["session"] == talker.session
        assert house.connect().hello("guest", session=guests[0].session)["type"] == "welcome"


def test_who_has_gone_takes_no_memory_for_tls(tmp_path: Path) -> None:
    """A time limit that is still to come holds a connection; each handshake held 50 KB with it."""

    def channels() -> int:
        return sum(type(each) is Channel for each in gc.get_objects())

    gc.collect()
    before = channels()
    with running_server(tmp_path, ManualClock(), tls=True) as server, House(server) as house:
        peers = [house.enter(f"ada{number}") for number in range(5)]
        assert channels() == before + 5
        for peer in peers:
            peer.close()

        def gone() -> bool:
            # Without a GIL an object goes when the thread that made it runs again: here the one
            # that accepts. Whoever knocks wakes it, and is all that may be left.
            house.connect().close()
            return channels() <= before + 1

        eventually(gone)


def test_an_address_in_ipv6_is_counted_with_its_neighbours() -> None:
    """One machine may have every address of a /64, and take one for each connection."""
    assert neighbourhood("2001:db8::1") == neighbourhood("2001:db8::2:3")
    assert neighbourhood("2001:db8::1") != neighbourhood("2001:db8:0:1::1")
    assert neighbourhood("10.0.0.1") == "10.0.0.1"
    assert neighbourhood("unix") == "unix"


def test_the_last_of_the_disk_is_for_those_in_charge(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who fills the disk by talking cannot prevent that the server stores a ban."""
    ada = house.enter("ada", "lobby")
    ada.say("lobby", "there is room")
    full = shutil.disk_usage(tmp_path)._replace(total=10**12, free=RESERVED_MOST - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    assert ada.refused("unavailable", "say", room="lobby", text="more")["retry_after"] > 0
    assert house.enter("eva", "lobby").page("history", room="lobby")["messages"]
    eva = house.enter("zoe")
    assert eva.ok("register", password="correct horse")["account"] == "zoe"


# -- files ----------------------------------------------------------------------------------------


def test_a_copy_that_was_put_back_is_private_again(tmp_path: Path) -> None:
    """A copy is readable for everybody, as copies are, and holds what everybody said."""
    names = ("history.db", "people.db", "search.db", "attendance.db")
    with running_server(tmp_path):
        pass
    for name in names:
        (tmp_path / name).chmod(0o644)
    with running_server(tmp_path) as server, House(server) as house:
        house.enter("ada", "lobby").say("lobby", "hi")
        files = [file for file in tmp_path.iterdir() if ".db" in file.name]
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        assert {file.name for file in files} >= {*names, "history.db-wal", "people.db-wal"}


def test_a_folder_that_others_can_change_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """They could put another key there, or other accounts."""
    tmp_path.chmod(0o770)
    with running_server(tmp_path):
        assert "chmod go-w" in caplog.text
    caplog.clear()
    tmp_path.chmod(0o750)
    with running_server(tmp_path):
        assert "chmod" not in caplog.text


def test_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    """From their first moment, and all of them: rooms, people, the key, the operator's socket."""
    data, unix = tmp_path / "data", tmp_path / "chat.sock"
    mask = os.umask(0)
    try:
        with running_server(data, tls=True, unix=unix) as server, House(server) as house:
            ada = house.enter("ada", "lobby")
            ada.say("lobby", "hi")
            assert ada.page("search", room="lobby", query="hi")["messages"]
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in data.iterdir()}
            assert modes.pop("files") == 0o700
            assert set(modes.values()) == {0o600}
            assert {"history.db", "people.db", "tls-key.pem", "admin.sock"} <= set(modes)
            assert stat.S_IMODE(data.stat().st_mode) == 0o700
            assert stat.S_IMODE(unix.stat().st_mode) == 0o660
    finally:
        os.umask(mask)


@pytest.mark.parametrize("room", ["..", ".", "...", "-rf", "con", "a.db", "history.db", "~", "%2e"])
def test_a_room_is_no_path(room: str, tmp_path: Path) -> None:
    """It is a key in a table: whatever it is called, no file has its name."""
    with running_server(tmp_path) as server, House(server) as house:
        before = {path.name for path in tmp_path.iterdir()}
        ada = house.enter("ada")
        if ada.request("join", room=room)["type"] == "ok":
            ada.say(room, "hi")
            assert ada.page("history", room=room)["messages"]
            assert ada.page("search", room=room, query="hi")["messages"]
        assert {path.name for path in tmp_path.iterdir()} - before <= {"search.db-journal"}


def test_a_key_that_others_can_read_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With it anybody is the server."""
    with running_server(tmp_path, tls=True):
        assert "can read the key" not in caplog.text
    (tmp_path / "tls-key.pem").chmod(0o644)
    with running_server(tmp_path, tls=True):
        assert "can read the key" in caplog.text


# -- sessions -------------------------------------------------------------------------------------


def test_no_session_can_be_taken_from_the_disk(tmp_path: Path) -> None:
    """A backup has only hashes of random numbers, which open no session."""
    with running_server(tmp_path) as server, House(server) as house:
        ada = house.enter("ada", "lobby")
        ada.say("lobby", "hi")
        ada.ok("register", password="correct horse")
        kept = b"".join(path.read_bytes() for path in tmp_path.glob("*.db*"))
        assert b"lobby" in kept
        assert ada.session.encode() not in kept
        digest = token_hash(ada.session)
        assert digest in kept
        for guess in (digest.hex(), digest.decode("latin-1"), base64.b64encode(digest).decode()):
            assert house.connect().hello("ada", session=guess)["code"] == "nick_in_use"


def test_sessions_cannot_be_tried_for_ever_on_one_connection() -> None:
    """256 random bits need no limit; but who tries is a flooder, before the first welcome, too."""
    with (
        running_server(requests_per_second=1.0, requests_burst=5) as server,
        House(server) as house,
    ):
        house.enter("ada")
        mallory = house.connect()
        for number in range(20):
            hello = {"type": "hello", "version": 1, "nick": "ada", "session": f"guess{number}"}
            mallory.send(hello)
        assert mallory.expect_end("flooding")


# -- who may read what ----------------------------------------------------------------------------


OF_A_ROOM: list[tuple[str, dict[str, Any]]] = [
    ("history", {}),
    ("history", {"after": 0}),
    ("history", {"before": 99}),
    ("search", {"query": "secret"}),
    ("who", {}),
    ("say", {"text": "hi"}),
    ("topic", {"topic": "hi"}),
    ("leave", {}),
    ("hand", {"up": True}),
]


@pytest.mark.parametrize(("request_type", "members"), OF_A_ROOM, ids=lambda each: str(each))
def test_nobody_reads_or_touches_a_room_they_are_not_in(
    house: House, request_type: str, members: dict[str, Any]
) -> None:
    """Before one was in, and after."""
    house.enter("ada", "staff").say("staff", "secret")
    mallory = house.enter("mallory", "lobby")
    mallory.refused("not_in_room", request_type, room="staff", **members)
    mallory.join("staff")
    mallory.ok("leave", room="staff")
    mallory.queue.clear()
    mallory.refused("not_in_room", request_type, room="STAFF", **members)
    mallory.ping()
    assert not [frame for frame in mallory.queue if frame.get("room") == "staff"]


def test_a_search_finds_nothing_of_another_room(house: House) -> None:
    """All rooms are in one index; a room is a range of it."""
    house.enter("ada", "staff").say("staff", "the secret of the staff")
    mallory = house.enter("mallory", "lobby", "zoo")
    mallory.say("lobby", "what secret?")
    for room, found in (("lobby", ["what secret?"]), ("zoo", [])):
        page = mallory.page("search", room=room, query="secret")
        assert [message["text"] for message in page["messages"]] == found


def test_a_list_of_rooms_tells_no_more_than_it_says(house: House) -> None:
    """Each entry has the name, the number of members and the topic; no nick and no message."""
    ada = house.enter("ada", "staff")
    ada.say("staff", "secret")
    (entry,) = house.enter("mallory").page("rooms")["rooms"]
    assert entry == {"room": "staff", "members": 1, "topic": ""}


# -- every request counts -------------------------------------------------------------------------


EXAMPLES: dict[Any, Any] = {str: "a", bool: True, tuple[str, ...]: ["a", "b"]}


def _example(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """A request of a type with all that it needs."""
    hints = get_type_hints(kind)
    needed = [f for f in msgspec.structs.fields(kind) if f.required and f.name != "id"]
    named = {"file": "0" * 32}  # which has a form of its own
    return {f.encode_name: named.get(f.encode_name, EXAMPLES.get(hints[f.name], 1)) for f in needed}


def test_every_request_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that is refused for another reason: nothing can be asked faster than is told."""
    monkeypatch.setattr(rate_limit, "CLIENTS_PER_ADDRESS", 1000)  # as if each had its own address
    limits: dict[str, Any] = {"requests_per_second": 0.001, "requests_burst": 3}
    with running_server(**limits) as server, House(server) as house:
        for number, kind in enumerate(AnyRequest.__args__):
            if kind in (Hello, Bye, Pong):
                continue
            # Which counts, too. All stay: who comes after one that left has no full bucket.
            peer = house.enter(f"ada{number}")
            tag = str(kind.__struct_config__.tag)
            done = 0
            while peer.request(tag, **_example(kind)).get("code") != "rate_limited":
                done += 1
            assert done == (1 if REQUESTS[kind].cost > 1 else 2), tag


def test_what_only_moderators_may_do_is_refused_in_the_turn_of_who_asks(house: House) -> None:
    """Fifty who ask for it all the time would otherwise be refused all at once."""
    peer = house.enter("mallory", "a")
    asked = {kind: str(kind.__struct_config__.tag) for kind in AnyRequest.__args__}
    refused = [
        kind
        for kind, tag in asked.items()
        if kind not in (Hello, Bye, Pong)
        and "only moderators" in peer.request(tag, **_example(kind)).get("text", "")
    ]
    assert len(refused) >= 10
    for kind in refused:
        assert REQUESTS[kind].queue is not Queue.NONE, asked[kind]


def test_what_takes_longer_counts_for_more() -> None:
    """And whoever waits as long as is told is no flooder for it, however small the bucket."""
    clock = ManualClock()
    rate = RateLimit(10.0, 40, clock)
    for _ in range(2):
        assert rate.take() is None
        rate.charge(20)
    refusal = rate.take()
    assert refusal is not None
    assert refusal.code == Code.RATE_LIMITED
    assert refusal.retry_after is not None
    clock.advance(refusal.retry_after + 0.1)
    assert rate.take() is None
    small = RateLimit(10.0, 2, clock)
    assert small.take() is None
    small.charge(20)
    refusal = small.take()
    assert refusal is not None
    assert refusal.code == Code.RATE_LIMITED


def test_no_metric_names_anybody() -> None:
    """Metrics tell how busy the rooms are, not who is in them."""
    with running_server(metrics=Endpoint("127.0.0.1", 0)) as server, House(server) as house:
        house.enter("mallory", "secretroom").say("secretroom", "hi")
        assert server.metrics is not None
        with urllib.request.urlopen(f"http://{server.metrics.authority}/metrics") as answer:
            text = answer.read().decode()
    assert "backchannel_messages" in text
    assert not {"mallory", "secretroom", "127.0.0.1"} & set(re.findall(r"[\w.]+", text))
