"""Accounts, and being in charge: what is typed, what the server is asked, what is shown."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import chat_client.commands.moderation_commands  # registers its commands
from chat_client import Chat, FreezeChange, HandChange, Message, Refused, RoleChange
from chat_client.commands.command import Item, Pages, Talk, parse
from chat_client.display.model import View
from chat_client.display.terminal_lines import Lines
from chat_client.display.time_format import Clock
from chat_client.errors import CommandError
from chat_client.events import Connected, Ended, Entered
from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.recorder import Recorder
from tests.support.waiting import eventually

LINES = Lines(clock=Clock("", "UTC"))


class Desk:
    """A user without a terminal: types a line, and has what is shown."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self.view = View(LINES, "server", "on")
        self.shown: list[str] = []
        self._talk = Talk(chat, self.view, LINES, self._post, lambda: None)
        for event in (
            Connected("ana", "s/1", "", again=False),
            Entered("lobby", "", 1, 0, 0, 0, again=False),
        ):
            list(self.view.take(event))

    def enter(self, line: str, *secrets: str) -> list[str]:
        """Type a line, with the passwords that are asked for, and return what is shown then."""
        self.shown.clear()
        typed = parse(line, self.view)
        typed = typed.with_secrets(*secrets) if secrets else typed
        typed.command.run(self._talk, typed)
        return [line.removeprefix("-- ").strip() for line in self.shown]

    def _post(self, item: Item) -> None:
        if isinstance(item, str):
            self.shown.append(item)
        elif isinstance(item, Pages):
            self.shown += item.lines
        elif callable(item):
            self.shown += item()
        else:
            self.shown += self.view.take(item)


@contextmanager
def desk(
    *replies: tuple[str, dict[str, Any]] | None,
) -> Iterator[tuple[Desk, list[dict[str, Any]]]]:
    """Somebody in the lobby of a server that replies so to one request after the other, `ok` where
    it is None; and what it was asked.
    """
    asked: list[dict[str, Any]] = []

    def script(line: Line) -> None:
        line.welcome()
        line.admit()
        for reply in replies:
            request = line.receive()
            kind, members = reply or ("ok", {})
            number = request.pop("id")
            asked.append(request)
            line.send(kind, re=number, **members)
        line.wait_for_end()

    with foreign_server(script) as address, chat_client.connect(address, nick="ana") as chat:
        chat.join("lobby")
        yield Desk(chat), asked


# -- what is typed ----------------------------------------------------------------------------


ASKED = [
    ("/op bob", {"type": "op", "who": "bob"}),
    ("/deop @bob", {"type": "deop", "who": "@bob"}),
    ("/kick bob", {"type": "kick", "who": "bob"}),
    ("/kick bob  so  rude ", {"type": "kick", "who": "bob", "reason": "so  rude"}),
    ("/mute bob", {"type": "mute", "who": "bob"}),
    ("/mute bob 10m", {"type": "mute", "who": "bob", "seconds": 600.0}),
    ("/mute bob not now", {"type": "mute", "who": "bob", "reason": "not now"}),
    ("/unmute bob", {"type": "unmute", "who": "bob"}),
    ("/ban 10.1.0.0/16", {"type": "ban", "who": "10.1.0.0/16"}),
    ("/ban bob 1d spam, again", {"type": "ban", "who": "bob", "seconds": 86400.0,
                                 "reason": "spam, again"}),
    ("/ban -a bob 2h", {"type": "ban", "who": "bob", "address": True, "seconds": 7200.0}),
    ("/unban @bob", {"type": "unban", "who": "@bob"}),
    ("/slow 30s", {"type": "slow", "room": "lobby", "seconds": 30.0}),
    ("/slow off", {"type": "slow", "room": "lobby", "seconds": 0.0}),
    ("/slow 0", {"type": "slow", "room": "lobby", "seconds": 0.0}),
    ("/lock", {"type": "lock", "room": "lobby", "locked": True}),
    ("/unlock #Ops", {"type": "lock", "room": "ops", "locked": False}),
    ("/announce the bus leaves", {"type": "announce", "text": "the bus leaves"}),
    ("/announce #ops now", {"type": "announce", "text": "now", "room": "ops"}),
    ("/freeze", {"type": "freeze", "room": "lobby"}),
    ("/freeze 10m", {"type": "freeze", "room": "lobby", "seconds": 600.0}),
    ("/freeze all 10m but ben, clara", {"type": "freeze", "seconds": 600.0,
                                        "speakers": ["ben", "clara"]}),
    ("/freeze but ben", {"type": "freeze", "room": "lobby", "speakers": ["ben"]}),
    ("/freeze ops 1h", {"type": "freeze", "room": "ops", "seconds": 3600.0}),
    ("/unfreeze", {"type": "unfreeze", "room": "lobby"}),
    ("/unfreeze all", {"type": "unfreeze"}),
    ("/hand", {"type": "hand", "room": "lobby", "up": True}),
    ("/hand down", {"type": "hand", "room": "lobby", "up": False}),
]  # fmt: skip


def test_what_the_server_is_asked() -> None:
    """Every command, with what may be left out and without."""
    with desk(*[None] * len(ASKED)) as (user, asked):
        for line, request in ASKED:
            user.enter(line)
            assert asked[-1] == request


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("/kick", "type /kick WHO"),
        ("/ban", "type /ban"),
        ("/ban -a", "type /ban"),
        ("/ban bob 5min spam", "'5min' is no duration: one is 30s, 10m, 2h or 1d"),
        ("/mute bob 10", "'10' is no duration"),
        ("/slow", "type /slow DURATION|off"),
        ("/slow down", "'down' is no duration"),
        ("/slow 25h", "'25h' is too slow: it is 1d at the most"),
        ("/mute bob 0s", "'0s' cannot be: a duration is above 0 and at most 11574d"),
        ("/freeze 0m", "'0m' cannot be"),
        ("/ban bob 99999d", "'99999d' cannot be: a duration is above 0 and at most 11574d"),
        ("/freeze lobby 10m more", "'more' is one word too many"),
        ("/freeze but", "nobody stands behind 'but'"),
        ("/lock two words", "cannot be a room"),
        ("/announce", "type /announce"),
        ("/announce #ops", "type /announce"),
        ("/hand waving", "type /hand [down]"),
    ],
)
def test_what_is_typed_wrongly(line: str, says: str) -> None:
    """Nothing is asked; a sentence says how it is typed."""
    with desk() as (user, _), pytest.raises(CommandError) as caught:
        user.enter(line)
    assert says in str(caught.value)


# -- passwords --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "text", "argument", "secret"),
    [
        ("/login", "/login", "", ""),
        ("/login  pass word ", "/login", "", "pass word"),
        ("/LOGIN s3cret", "/LOGIN", "", "s3cret"),
        (" /login s3cret", "/login", "", "s3cret"),
        ("/login @ben", "/login @ben", "@ben", ""),
        ("/login @ben s3cret", "/login @ben", "@ben", "s3cret"),
        ("/register @s3cret", "/register", "", "@s3cret"),
        ("/claim s3cret", "/claim", "", "s3cret"),
    ],
)
def test_a_password_is_kept_apart(line: str, text: str, argument: str, secret: str) -> None:
    """What is kept, shown while it waits and brought back does not have it."""
    typed = parse(line, View(LINES, "server", "on"))
    assert (typed.text, typed.argument) == (text, argument)
    assert typed.secrets == ((secret,) if secret else ())
    assert not secret or secret not in repr(typed)


def test_accounts() -> None:
    """What is asked, and who one is then."""
    with desk(
        ("ok", {"account": "ana"}),
        ("ok", {"account": "ben", "nick": "ben", "role": "moderator"}),
        ("ok", {"role": "owner"}),
    ) as (user, asked):
        (said,) = user.enter("/register", "12345678")
        assert said.startswith("the nick ana is your account now")
        assert user.enter("/login @ben", "87654321") == ["you are logged in as ben"]
        assert (user.view.nick, user.view.role) == ("ben", "moderator")
        assert user.enter("/claim s3cret")[0].startswith("you are an owner now")
        assert user.view.role == "owner"
        assert asked == [
            {"type": "register", "password": "12345678"},
            {"type": "login", "password": "87654321", "account": "ben"},
            {"type": "claim", "secret": "s3cret"},
        ]


def test_another_password() -> None:
    """Both are asked for: behind the command nobody could tell them apart, and nothing is asked."""
    with desk(None) as (user, asked):
        assert parse("/password", user.view).secrets == ()
        for line in ("/password 12345678", " /PASSWORD 12345678 87654321"):
            with pytest.raises(CommandError, match="type /password alone") as caught:
                user.enter(line)
            assert "5678" not in str(caught.value)
        (said,) = user.enter("/password", "12345678", "87654321")
        assert said.startswith("the password is changed")
        assert asked == [{"type": "password", "old": "12345678", "new": "87654321"}]


def test_logging_out() -> None:
    """Under the nick that is asked for, or one with a number; who one is then is known."""
    taken = ("error", {"code": "nick_in_use", "text": "Taken."})
    with desk(
        ("ok", {"account": "ana"}),
        ("ok", {"role": "owner"}),
        taken,
        taken,
        ("ok", {"nick": "ana3", "role": "member"}),
        ("error", {"code": "forbidden", "text": "You are logged in to no account."}),
        ("ok", {"account": "ana", "nick": "ana", "role": "owner"}),
        taken,
        ("ok", {"nick": "eva", "role": "member"}),
    ) as (user, asked):
        user.enter("/register", "12345678")
        user.enter("/claim s3cret")
        assert user.enter("/logout") == ["you are ana3 now, and logged out; /login @ana is the way "
                                         "back"]  # fmt: skip
        assert (user.view.nick, user.view.role) == ("ana3", "member")
        assert (user.chat.nick, user.chat.role, user.chat.account) == ("ana3", "member", None)
        with pytest.raises(Refused, match="no account"):
            user.enter("/logout")
        user.enter("/login @ana", "12345678")
        assert user.chat.account == "ana"
        with pytest.raises(Refused, match="Taken"):
            user.enter("/logout ben")
        assert user.chat.account == "ana"
        assert user.enter("/logout eva")[0].startswith("you are eva now")
        assert [request["nick"] for request in asked if request["type"] == "logout"] == [
            "ana", "ana2", "ana3", "ana3", "ben", "eva",
        ]  # fmt: skip


def test_a_nick_that_an_account_owns() -> None:
    """What to type stands behind the server's reason."""
    owned = ("error", {"code": "nick_in_use", "text": "'ben' belongs to an account."})
    with desk(owned) as (user, _), pytest.raises(Refused) as caught:
        user.enter("/nick ben")
    assert str(caught.value) == (
        "'ben' belongs to an account. If it is your account's: /login @ben"
    )


def test_who_logs_in_is_nobody_else() -> None:
    """With a wrong password one does not come in under another nick."""

    def script(line: Line) -> None:
        assert line.expect("hello")["account_password"] == "wrong"
        line.send("error", re=None, code="nick_in_use", text="Not its password.")
        line.wait_for_end()

    with foreign_server(script) as address, pytest.raises(Refused, match="Not its password"):
        chat_client.connect(address, account_password="wrong")


def test_a_wrong_password_is_not_tried_again_by_itself() -> None:
    """Where the server slows them, a login waits for nothing."""
    slowed = ("error", {"code": "rate_limited", "text": "Later.", "retry_after": 60.0})
    with desk(slowed, slowed, slowed) as (user, _):
        for line, *secrets in (
            ("/login", "wrong"), ("/claim", "wrong"), ("/password", "wrong", "new")
        ):  # fmt: skip
            with pytest.raises(Refused, match="Later") as caught:
                user.enter(line, *secrets)
            assert caught.value.retry_after == 60.0


def test_the_passwords_come_along_when_the_connection_is_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server's, and the account's that one is logged in to; so does the role."""
    monkeypatch.setattr("chat_client.session.reader._FIRST_DELAY", 0.0)
    recorder = Recorder()

    def first(line: Line) -> None:
        hello = line.welcome(role="moderator", account="ana")
        assert (hello["password"], hello["account_password"]) == ("house", "old")
        login = line.expect("login")
        line.send("ok", re=login["id"], account="ben", nick="ben", role="owner")

    def second(line: Line) -> None:
        hello = line.welcome(role="owner", account="ben")
        assert (hello["nick"], hello["password"]) == ("ben", "house")
        assert hello["account_password"] == "new"
        line.wait_for_end()

    with (
        foreign_server(first, second) as address,
        chat_client.connect(
            address, nick="ana", password="house", account_password="old", on_event=recorder
        ) as chat,
    ):
        assert (chat.role, chat.account) == ("moderator", "ana")
        assert chat.login("new", "ben") == "ben"
        assert (chat.role, chat.account) == ("owner", "ben")
        eventually(lambda: len(recorder.of(Connected)) == 2)
    assert [event.account for event in recorder.of(Connected)] == ["ana", "ben"]


def test_what_is_remembered_follows_the_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is made again after /password has the new one; after /logout it has none,
    nor the nick of the account.
    """
    monkeypatch.setattr("chat_client.session.reader._FIRST_DELAY", 0.0)
    recorder = Recorder()

    def first(line: Line) -> None:
        assert line.welcome(account="ana")["account_password"] == "old"
        change = line.expect("password")
        assert (change["old"], change["new"]) == ("old", "new")
        line.send("ok", re=change["id"])

    def second(line: Line) -> None:
        hello = line.welcome(account="ana")
        assert (hello["nick"], hello["account_password"]) == ("ana", "new")
        logout = line.expect("logout")
        line.send("ok", re=logout["id"], nick="eva", role="member")

    def third(line: Line) -> None:
        hello = line.welcome()
        assert hello["nick"] == "eva"
        assert "account_password" not in hello
        line.wait_for_end()

    with (
        foreign_server(first, second, third) as address,
        chat_client.connect(address, nick="ana", account_password="old", on_event=recorder) as chat,
    ):
        chat.change_password("old", "new")
        assert chat.logout("eva") == "eva"
        eventually(lambda: len(recorder.of(Connected)) == 3)
        assert (chat.nick, chat.account) == ("eva", None)
    assert [event.left for event in recorder.of(Connected)] == [None, None, None]


def test_a_password_that_is_another_by_now_is_not_tried_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That would keep those waiting who have the new one."""
    monkeypatch.setattr("chat_client.session.reader._FIRST_DELAY", 0.0)
    recorder = Recorder()

    def first(line: Line) -> None:
        line.welcome(account="ana")

    def second(line: Line) -> None:
        line.expect("hello")
        line.send("error", re=None, code="nick_in_use", text="Not its password.")
        line.wait_for_end()

    with (
        foreign_server(first, second) as address,
        chat_client.connect(address, nick="ana", account_password="old", on_event=recorder),
    ):
        eventually(lambda: recorder.of(Ended))
    assert recorder.of(Ended) == [Ended("Not its password.", "nick_in_use")]


def test_who_was_logged_out_meanwhile_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under a nick that is not the account's one is let in, as soon as it is free."""
    monkeypatch.setattr("chat_client.session.reader._FIRST_DELAY", 0.0)
    recorder = Recorder()

    def first(line: Line) -> None:
        line.welcome(account="ana")

    def second(line: Line) -> None:
        line.expect("hello")
        line.send("error", re=None, code="nick_in_use", text="Somebody has it.")

    def third(line: Line) -> None:
        line.welcome()
        line.wait_for_end()

    with (
        foreign_server(first, second, third) as address,
        chat_client.connect(
            address, nick="laptop", account_password="old", on_event=recorder
        ) as chat,
    ):
        eventually(lambda: len(recorder.of(Connected)) == 2)
        assert chat.account is None
    shown = LINES.of(recorder.of(Connected)[1], "", None)
    assert shown is not None
    assert "you are no longer logged in to ana" in shown


# -- what is shown ----------------------------------------------------------------------------


def test_lists() -> None:
    """Who is banned or muted, page by page; whose hands are up."""
    entry = {"number": 1, "act": "ban", "who": "@bob", "reason": "spam", "by": "ana", "time": 0.0}
    more = {"number": 2, "act": "mute", "who": "ben", "reason": "", "by": "ana", "time": 60.0}
    with desk(
        ("page", {"bans": [entry], "more": True}),
        ("page", {"bans": [{**more, "until": 3600.0}], "more": False}),
        ("page", {"bans": [], "more": False}),
        ("page", {"hands": ["ben"], "more": True}),
        ("page", {"hands": ["clara"], "more": False}),
        ("page", {"hands": [], "more": False}),
    ) as (user, asked):
        assert user.enter("/bans") == [
            "2 banned or muted:",
            "@bob  banned: spam (ana, 1970-01-01 00:00)",
            "ben  muted until 1970-01-01 01:00 (ana, 1970-01-01 00:01)",
        ]
        assert asked == [{"type": "bans"}, {"type": "bans", "after": 1}]
        assert user.view.barred == {"@bob", "ben"}
        assert user.enter("/bans") == ["nobody is banned or muted"]
        assert user.enter("/hands") == [
            "hands up in #lobby: 1. ben  2. clara; /freeze but ben lets the first one talk"
        ]
        assert user.view.rooms["lobby"].hands == 2
        assert user.enter("/hands") == ["no hand is up"]
        assert user.view.rooms["lobby"].hands == 0


def test_what_a_notice_tells_is_told_once() -> None:
    """What happens in a room that one is in stands there; elsewhere it is confirmed."""
    with desk(*[None] * 6) as (user, _):
        assert user.enter("/freeze") == []
        assert user.enter("/freeze ops 10m") == ["#ops is frozen for 10 min"]
        assert user.enter("/lock ops") == ["#ops is locked; /unlock ops opens it"]
        assert user.enter("/announce hi") == []
        assert user.enter("/ban -a bob 1d") == [
            "bob and the address are banned for 1 d; /bans shows them"
        ]
        assert user.enter("/mute bob") == ["bob is muted; /unmute bob ends it"]


def entered(view: View, **members: Any) -> list[str]:
    values = {"topic": "", "members": 3, "after": 0, "last": 0, "lost": 0, "again": False}
    return list(view.take(Entered(**{"room": "lobby", **values, **members})))


def test_a_frozen_room() -> None:
    """It is told to those who may not talk, and stands in the status line of all."""
    view = View(LINES, "server", "on")
    assert entered(view, frozen=True) == [
        "-- you are here: #lobby, 3 here, frozen: only moderators talk, /hand raises yours"
    ]
    assert "#lobby 3 here, frozen |" in view.status(None, 80)
    assert list(view.take(FreezeChange("lobby", False))) == []
    assert "#lobby 3 here |" in view.status(None, 80)
    assert list(view.take(FreezeChange("ops", True))) == []
    (told,) = view.take(RoleChange("moderator", "ana"))
    assert told.startswith("-- ana made you a moderator")
    assert entered(view, frozen=True) == ["-- you are here: #lobby, 3 here"]
    assert "| moderator |" in view.status(None, 80)


def test_hands_are_told_and_counted() -> None:
    """One line for a hand that goes up; the status line has how many there are."""
    view = View(LINES, "server", "on")
    entered(view)
    assert list(view.take(HandChange("lobby", "ben", True, 2))) == [
        "-- ben raised a hand (2 waiting): /hands"
    ]
    assert "#lobby 3 here, 2 hands up" in view.status(None, 80)
    assert list(view.take(HandChange("lobby", "ben", False, 1))) == []
    assert "#lobby 3 here, 1 hand up" in view.status(None, 80)
    assert list(view.take(HandChange("ops", "ben", True, 1))) == []


def test_the_house_is_heard_by_all() -> None:
    """A notice is shown whoever is hidden."""
    view = View(LINES, "server", "on", ignored=["ben"])
    entered(view)
    said = Message(room="lobby", seq=1, time=0.0, from_="ben", kind="notice", text="the end")
    assert "-- ben: the end" in list(view.take(said))


def test_bots_can_be_in_charge() -> None:
    """What a room offers, and what is refused as an exception."""
    refused = ("error", {"code": "forbidden", "text": "You are a member."})
    page = ("page", {"hands": ["ben"], "more": False})
    with desk(None, None, None, None, None, None, None, None, page, refused) as (user, asked):
        (room,) = user.chat.joined
        room.freeze(seconds=60, speakers=["ben"])
        room.unfreeze()
        room.slow(5)
        room.lock()
        room.unlock()
        room.announce("hi")
        room.raise_hand()
        room.lower_hand()
        assert room.hands() == ["ben"]
        with pytest.raises(Refused, match="member") as caught:
            user.chat.kick("ben", "why")
        assert caught.value.code == "forbidden"
        assert [request["type"] for request in asked] == [
            "freeze", "unfreeze", "slow", "lock", "lock", "announce", "hand", "hand", "hands",
            "kick",
        ]  # fmt: skip
        assert {request.get("room") for request in asked[:-1]} == {"lobby"}
