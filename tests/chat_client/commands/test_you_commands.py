"""Accounts: what is typed, what the server is asked, what is shown."""

import pytest

import chat_client
from chat_client import Refused
from chat_client.commands.parse import parse
from chat_client.errors import CommandError
from chat_client.events import Connected, Ended
from tests.chat_client.desk import LINES, desk
from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.recorder import Recorder
from tests.support.waiting import eventually


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
        first, *then = user.enter("/claim s3cret")
        assert first.startswith("you are an owner now")
        assert [line[:2] for line in then] == ["1.", "2.", "3."]
        assert "/login @ben" in then[0]
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
    """The client takes the nick that was asked for, or the old one with a number."""
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
        assert user.enter("/logout") == [
            "you are ana3 now, and logged out; /login @ana is the way back"
        ]
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
            "ana",
            "ana2",
            "ana3",
            "ana3",
            "ben",
            "eva",
        ]


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
            ("/login", "wrong"),
            ("/claim", "wrong"),
            ("/password", "wrong", "new"),
        ):
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
    """The client comes in under a nick that is not the account's, as soon as that is free."""
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
