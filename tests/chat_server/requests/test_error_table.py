"""Each request gets each error that the table of docs/protocol.md says it can get."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from protocol import messages
from tests.chat_server.house import House
from tests.chat_server.moderation.order_house import OrderedHouse
from tests.support.peer import Peer
from tests.support.servers import ROOT, running_server

DOCUMENT = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
PASSWORD = "correct horse"

VALID: dict[str, dict[str, Any]] = {
    "join": {"room": "lobby"},
    "leave": {"room": "lobby"},
    "say": {"room": "lobby", "text": "hi"},
    "edit": {"room": "lobby", "seq": 1, "text": "better"},
    "delete": {"room": "lobby", "seq": 1},
    "tell": {"to": "eva", "text": "hi"},
    "late": {"on": True},
    "nick": {"nick": "eve"},
    "topic": {"room": "lobby", "topic": "tests"},
    "who": {"room": "lobby"},
    "rooms": {},
    "rules": {"room": "lobby"},
    "history": {"room": "lobby"},
    "search": {"room": "lobby", "query": "hi"},
    "ping": {},
    "bye": {},
    "register": {"password": PASSWORD},
    "login": {"password": PASSWORD},
    "password": {"old": PASSWORD, "new": "another horse"},
    "logout": {"nick": "eve"},
    "claim": {"secret": "secret"},
    "op": {"who": "eva"},
    "deop": {"who": "eva"},
    "kick": {"who": "eva"},
    "ban": {"who": "eva"},
    "unban": {"who": "eva"},
    "mute": {"who": "eva"},
    "unmute": {"who": "eva"},
    "bans": {},
    "slow": {"room": "lobby", "seconds": 5},
    "lock": {"room": "lobby", "locked": True},
    "set_rules": {"room": "lobby", "read_only": True},
    "invite": {"room": "lobby", "who": "eva"},
    "uninvite": {"room": "lobby", "who": "eva"},
    "announce": {"text": "hi"},
    "freeze": {},
    "unfreeze": {},
    "hand": {"room": "lobby", "up": True},
    "hands": {"room": "lobby"},
    "offer": {"room": "lobby", "name": "a.txt", "size": 10},
    "share": {"room": "lobby", "file": "0" * 32},
    "pin": {"room": "lobby", "seq": 1},
    "unpin": {"room": "lobby", "seq": 1},
    "next": {"room": "lobby"},
    "poll": {"room": "lobby", "question": "Is it?", "options": ["yes", "no"]},
    "vote": {"room": "lobby", "choice": 1},
    "end_poll": {"room": "lobby"},
    "live": {},
    "disturb": {"who": "eva", "how": "suspend"},
}
"""All requests but the hello, and `pong`, which has no answer."""

IN_CHARGE = frozenset(list(VALID)[list(VALID).index("op") :]) - {
    "hand",
    "offer",
    "share",
    "poll",
    "vote",
    "end_poll",
}
"""What an owner asks here."""

WRONG: dict[str, dict[str, Any]] = {
    "bad_request": {"colour": "red"},
    "bad_nick": dict.fromkeys(("nick", "to", "account", "who", "after"), "a b")
    | {"speakers": ["a b"]},
    "nick_in_use": {"nick": "mia"},
    "bad_room": {"room": "two words"},
    "bad_text": dict.fromkeys(("text", "topic", "query", "reason", "question"), "\u200b")
    | dict.fromkeys(("password", "new"), "short"),
    "text_too_long": dict.fromkeys(("text", "topic", "query", "reason", "question"), "x" * 4001),
    "not_in_room": {"room": "ops"},
    "no_such_room": {"room": "nowhere"},
    "no_such_message": {"seq": 1000, "reply_to": 1000},
    "no_such_nick": {"to": "zoe", "who": "@zoe", "speakers": ["zoe"], "after": "zoe"},
    "forbidden": {"nick": "banned", "room": "locked", "old": "wrong horse"},
    "muted": {"to": "ben"},
}
"""What is wrong with a request that gets an error: the members that it may have."""

WRONG_FOR: dict[tuple[str, str], dict[str, Any]] = {
    ("nick_in_use", "logout"): {},  # it keeps the nick, which is the account's
    ("forbidden", "login"): {"password": "wrong horse"},
    ("forbidden", "register"): {},  # there is an account already
    ("forbidden", "edit"): {},  # it is another's
    ("forbidden", "delete"): {},
    ("forbidden", "topic"): {},  # the owner is in the room
    ("forbidden", "poll"): {},  # somebody in charge is in the room
    ("forbidden", "vote"): {},
    ("forbidden", "end_poll"): {},
    ("forbidden", "offer"): {"size": 2**40},
    ("forbidden", "share"): {"room": "lobby"},
    ("muted", "hand"): {"question": "why?"},
    ("no_such_nick", "hands"): {"after": "zoe"},
    ("no_such_nick", "disturb"): {"who": "zoe"},
    ("muted", "join"): {"room": "none-yet"},
}

# A race between two connections of a session; what a mute keeps from taking another nick, in
# moderation/in_force/test_permissions; any, where the disk is full: test_hard_times.
ELSEWHERE = {("nick_in_use", "register"), ("muted", "hello"), ("muted", "login")}
ANYWHERE = {"rate_limited", "unavailable"}


def _rows() -> Iterator[tuple[str, str]]:
    """The codes that refuse one request, and in reply to which they are said to come."""
    table = DOCUMENT.split("| `code` | in reply to | what to do |\n|---|---|---|\n")[1]
    for line in table.split("\n\n")[0].splitlines():
        code, kinds = re.findall(r"^\| `(\w+)` \| (.*?) \|", line)[0]
        yield code, kinds


def _said(kinds: str) -> set[str]:
    """The requests that a cell of the table names."""
    if kinds == "any":
        return set(VALID) | {"hello"}
    named, *members = re.split(r"\bany with\b", kinds)
    found = set(re.findall(r"`(\w+)`", named))
    for member in re.findall(r"`(\w+)`", "".join(members)):
        found |= {kind for kind in VALID if member in _members(kind)}
    return found


def _members(kind: str) -> tuple[str, ...]:
    (struct,) = (
        each for each in messages.AnyRequest.__args__ if each.__struct_config__.tag == kind
    )
    fields: tuple[str, ...] = struct.__struct_fields__
    return fields


CASES = [
    (code, kind)
    for code, kinds in _rows()
    if code not in ANYWHERE | {"too_many_rooms"}
    for kind in sorted(_said(kinds))
    if (code, kind) not in ELSEWHERE
]


def test_the_table_is_read() -> None:
    """All rows, and the requests that they name are some."""
    rows = dict(_rows())
    assert set(WRONG) | ANYWHERE | {"too_many_rooms"} == set(rows)
    assert all(_said(kinds) for kinds in rows.values())
    assert len(CASES) > 100


@pytest.mark.parametrize(("code", "kind"), CASES)
def test_a_request_gets_the_error(place: OrderedHouse, code: str, kind: str) -> None:
    """As the table says."""
    if kind == "hello":
        wrong = WRONG[code]
        error = place.connect().hello(wrong.get("nick", "eva"), **_wrong("hello", wrong))
        assert (error["type"], error["code"]) == ("error", code)
        return
    eva = place.enter("eva", "lobby")
    place.enter("ben")
    place.ada.join("ops")
    _prepare(place, eva, code, kind)
    asks = place.ada if kind in IN_CHARGE and code != "forbidden" else eva
    wrong = WRONG_FOR.get((code, kind), _wrong(kind, WRONG[code]))
    members = {} if (code, kind) == ("nick_in_use", "logout") else VALID[kind]
    asks.refused(code, kind, **{**members, **wrong})
    asks.ping()


def _wrong(kind: str, wrong: dict[str, Any]) -> dict[str, Any]:
    """Return the possible mistakes that a request can have."""
    known = {*_members(kind), "colour"} - ({"nick"} if kind == "hello" else set())
    return {name: value for name, value in wrong.items() if name in known}


def _prepare(place: OrderedHouse, eva: Peer, code: str, kind: str) -> None:
    """Bring about what has to be there for the error."""
    if kind in ("edit", "delete", "topic"):
        place.ada.join("lobby")
        (place.ada if code == "forbidden" else eva).say("lobby", "hi")
    if kind in ("password", "logout") or (code, kind) == ("forbidden", "register"):
        eva.ok("register", password=PASSWORD)
    if code == "forbidden":
        place.ada.ok("ban", who="banned")
        place.ada.join("locked")
        place.ada.ok("lock", room="locked", locked=True)
    if code == "muted":
        place.ada.ok("mute", who="eva")


def test_whatever_is_asked_too_often_is_refused() -> None:
    """`rate_limited`, to every request."""
    settings: dict[str, Any] = {"requests_per_second": 0.001, "requests_burst": 1000}
    with running_server(**settings) as server, House(server) as house:
        ada = house.enter("ada")
        while ada.request("ping")["type"] == "pong":
            pass
        for kind, members in VALID.items():
            assert ada.refused("rate_limited", kind, **members)["retry_after"] > 0


@pytest.mark.parametrize("limit", ["rooms_per_client", "rooms", "rooms_per_address"])
def test_there_are_three_limits_on_rooms(limit: str) -> None:
    """Each refuses with `too_many_rooms` and a different sentence."""
    settings: dict[str, Any] = {limit: 1}
    with running_server(**settings) as server, House(server) as house:
        ada = house.enter("ada", "lobby")
        error = ada.refused("too_many_rooms", "join", room="ops")
        assert ("retry_after" in error) is (limit != "rooms_per_client")
        assert "1" in error["text"]
