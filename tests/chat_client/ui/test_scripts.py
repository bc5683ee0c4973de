"""What scripts use: --say, --json, and plain records that stay as they are."""

import json

import pytest

from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.programs import run, start
from tests.chat_server.house import House
from tests.support.peer import Peer
from tests.support.waiting import DEADLINE


def test_says_one_thing(host: House, bob: Peer) -> None:
    """It is stored when the program ends, which says nothing itself."""
    done = run(host.address, "--nick", "ci", "--say", "the build\nis green", stdin=b"not this\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert bob.messages(1)[0]["text"] == "the build\nis green"


def test_says_why_it_could_not(host: House, bob: Peer) -> None:
    """1 for what is refused, 2 where it came to no chat at all."""
    done = run(host.address, "--say", " ")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "chat-client: not said: a text has at least one character that shows\n"
    taken = run(host.address, "--nick", bob.nick, "--say", "hi")
    assert (taken.returncode, "somebody here is called" in taken.stderr) == (2, True)
    assert run("127.0.0.1:1", "--say", "hi").returncode == 2


def test_each_event_is_a_line_of_json(host: House, bob: Peer) -> None:
    """With its type and its members; what was refused, too; and it is ASCII."""
    child = start(host.address, "--nick", "ana", "--json")
    assert child.stdin is not None
    assert child.stdout is not None
    with child:

        def until(kind: str) -> dict[str, object]:
            assert child.stdout is not None
            while True:
                line = child.stdout.readline()
                assert line.isascii()
                event: dict[str, object] = json.loads(line)
                if event["type"] == kind:
                    return event

        assert until("connected")["nick"] == "ana"
        assert until("entered") == {
            "type": "entered",
            "room": "lobby",
            "topic": "",
            "members": 2,
            "after": 0,
            "last": 0,
            "lost": 0,
            "again": False,
            "gone": 0,
            "frozen": False,
        }
        bob.say("lobby", "漢\nhi \u202e")
        said = until("message")
        assert (said["from"], said["text"], said["seq"]) == ("bob", "漢\nhi \u202e", 1)
        bob.ok("tell", to="ana", text="psst")
        assert until("direct")["text"] == "psst"
        child.stdin.write(b"\x1b\nhello\n")
        refused = until("refused")
        assert (refused["line"], refused["text"]) == (1, "\x1b")
        assert "U+001B" in str(refused["reason"])
        assert until("message")["text"] == "hello"
        child.stdin.close()
        assert until("ended")["reason"] is None
        assert child.wait(DEADLINE) == 1


def test_times_of_plain_records_can_be_chosen(host: House) -> None:
    """Or left out."""
    done = run(host.address, "--nick", "ana", "--time-format", "", stdin=b"hi\n")
    assert done.stdout == "#lobby <ana> hi\n"


@pytest.mark.parametrize(("code", "exits"), [("kicked", 1), ("banned", 2)])
def test_an_end_that_the_server_wants_is_an_event(code: str, exits: int) -> None:
    """With its reason; who is banned is told as one who was not let in. Nothing connects again."""

    def script(line: Line) -> None:
        line.welcome()
        line.admit()
        line.send("goodbye", code=code, text="Enough.")

    with foreign_server(script) as address, start(address, "--json") as child:
        assert child.stdout is not None
        last = json.loads(child.stdout.readlines()[-1])
        assert last == {"type": "ended", "reason": "Enough.", "code": code}
        assert child.wait(DEADLINE) == exits
