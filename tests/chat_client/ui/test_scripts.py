"""What scripts use: --say, --json, and plain records that stay as they are."""

import json
import re
from pathlib import Path

import pytest

from chat_client.display import records
from chat_client.display.time_format import Clock
from protocol.messages import Direct, Message, Presence
from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.programs import run, start
from tests.chat_server.house import House
from tests.support.peer import Peer
from tests.support.waiting import DEADLINE

ROOT = Path(__file__).resolve().parents[3]


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
            "type": "entered", "room": "lobby", "topic": "", "members": 2, "after": 0,
            "last": 0, "lost": 0, "again": False, "gone": 0, "frozen": False,
        }  # fmt: skip
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


@pytest.mark.parametrize(
    ("event", "record"),
    [
        (Message("lobby", 1, 0.0, "ana", "text", "hi\nyou"), "#lobby <ana> hi\u23ceyou"),
        (Message("lobby", 1, 0.0, "ana", "action", "waves"), "#lobby * ana waves"),
        (Message("lobby", 1, 0.0, "ana", "topic", "new"), "#lobby -- ana set the topic: new"),
        (Message("lobby", 1, 0.0, "ana", "topic", ""), "#lobby -- ana cleared the topic"),
        (Message("lobby", 1, 0.0, "ana", "notice", "oh"), "#lobby -- ana: oh"),
        (Message("lobby", 1, 0.0, "ana", "odd", "\x1b[31mred\u202e"), "#lobby <ana> [31mred"),
        (Direct(0.0, "ana", "me", "psst"), "[ana] psst"),
        (Presence("lobby", ["a"], [], [], 1), None),
    ],
)
def test_plain_records_are_stable(event: object, record: str | None) -> None:
    """One line each, in UTC, and harmless."""
    made = records.plain(Clock(records.RECORD_FORMAT, "UTC"))(event)  # type: ignore[arg-type]
    assert made == (record and f"1970-01-01T00:00:00Z {record}")


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


def test_what_not_every_system_has_is_in_one_module() -> None:
    """So that the rest runs on Windows as well; the load tester says itself what it needs."""
    unix_only = re.compile(
        r"AF_UNIX|SIGHUP|SIGWINCH|\b(fcntl|termios|pwd|grp|resource|tty|pty)\b(?=\.|$| import)|"
        r"os\.(getuid|geteuid|fork|kill|fchmod|chown)",
        re.M,
    )
    found = {
        path.name
        for path in (ROOT / "chat_client").rglob("*.py")
        if "load" not in path.parts and unix_only.search(path.read_text(encoding="utf-8"))
    }
    assert found == {"osdep.py"}
