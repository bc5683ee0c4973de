"""The rules of a room: what is typed, what the server is asked, what is shown."""

import pytest

from chat_client import Invited, Message, RulesChange
from chat_client.errors import CommandError
from chat_client.events import Entered, Removed
from protocol.messages import Presence
from tests.chat_client.desk import LINES, desk

ASKED = [
    ("/rules topic moderators", {"type": "set_rules", "room": "lobby", "topic": "moderators"}),
    ("/rules topic default", {"type": "set_rules", "room": "lobby", "topic": "default"}),
    ("/rules read-only on", {"type": "set_rules", "room": "lobby", "read_only": True}),
    ("/rules invite-only off", {"type": "set_rules", "room": "lobby", "invite_only": False}),
    ("/rules forget on", {"type": "set_rules", "room": "lobby", "forget": True}),
    ("/rules images on", {"type": "set_rules", "room": "lobby", "images": True}),
    ("/invite bob", {"type": "invite", "room": "lobby", "who": "bob"}),
    ("/invite @bob #Ops", {"type": "invite", "room": "ops", "who": "@bob"}),
    ("/uninvite bob", {"type": "uninvite", "room": "lobby", "who": "bob"}),
]


def test_what_the_server_is_asked() -> None:
    """Every rule, and who is invited."""
    with desk(*[None] * len(ASKED)) as (user, asked):
        for line, request in ASKED:
            user.enter(line)
            assert asked[-1] == request


@pytest.mark.parametrize(
    "line", ["/rules topic", "/rules topic nobody", "/rules read-only yes", "/rules a b c"]
)
def test_what_is_no_rule_is_told(line: str) -> None:
    """With how it is typed; nothing is asked."""
    with desk() as (user, asked), pytest.raises(CommandError, match=r"type /rules \[RULE VALUE\]"):
        user.enter(line)
    assert asked == []


def test_what_holds_is_shown() -> None:
    """A line for each rule."""
    rules = {"topic": "moderators", "topic_by_default": True, "slow": 30, "invited": ["bob", "eva"]}
    with desk(("ok", {"rules": rules})) as (user, _):
        shown = "\n".join(user.enter("/rules"))
    assert "what holds in #lobby" in shown
    assert "topic: moderators only may set it" in shown
    assert "invited: bob, eva" in shown
    assert "slow: a message every 30 s" in shown
    assert "images: off, downloads" in shown


def test_the_input_line_knows_why_the_user_may_not_talk() -> None:
    """Until they may again; of a mute there is a line as well, in any room."""
    with desk() as (user, _):
        view = user.view
        list(view.take(Entered("lobby", "", 2, 0, 0, 0, False)))
        room = view.rooms["lobby"]
        muted = RulesChange("lobby", False, "muted", "you are muted by mia: spam")
        assert list(view.take(muted)) == [LINES.system("you are muted by mia: spam")]
        assert room.silence == "muted"
        assert list(view.take(RulesChange("lobby", True))) == [LINES.system("you may talk again")]
        assert room.silence == ""
        assert list(view.take(RulesChange("lobby", False, "read_only", "no"))) == []
        assert room.silence == "read-only"
        list(view.take(RulesChange("lobby", True, slow=30)))
        assert room.silence == "slow 30 s"


def test_who_is_in_charge_is_marked() -> None:
    """By an `@`, at what they say, when they come in, and in the line of who was appointed."""
    said = Message("lobby", 1, 0.0, "mia", "text", "hello", role="moderator")
    assert "@mia  hello" in LINES.message(said, "ana", "lobby")
    assert "@" not in LINES.message(
        Message("lobby", 1, 0.0, "mia", "text", "hello"), "ana", "lobby"
    )
    came = Presence("lobby", ["bob", "mia"], [], [], 3, {"mia": "owner", "eva": "moderator"})
    told = LINES.presence(came, "lobby")
    assert told is not None
    assert "bob, @mia joined, eva is a moderator now" in told


def test_an_invitation_and_its_end_are_told() -> None:
    """With what to type; a room that one was taken out of is gone."""
    with desk() as (user, _):
        list(user.view.take(Entered("staff", "", 2, 0, 0, 0, False)))
        assert list(user.view.take(Invited("ops", "mia"))) == [
            LINES.system("mia lets you into #ops: /join ops")
        ]
        assert "no longer in #staff" in "".join(user.view.take(Removed("staff", "taken back")))
        assert "staff" not in user.view.rooms
