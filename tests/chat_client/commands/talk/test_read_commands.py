"""Commands to read back."""

import sys
import time
from typing import Any

import pytest

from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.programs import Terminal
from tests.chat_server.house import House
from tests.support.peer import Peer
from tests.support.waiting import eventually


def test_long_output_goes_to_the_pager(host: House, bob: Peer, home: dict[str, str]) -> None:
    """New messages wait, so that the reader is not disturbed and misses nothing."""
    for number in range(60):
        bob.say("lobby", f"old {number}")
    pager = f'{sys.executable} -c "import sys; print(sys.stdin.read()[-300:]); open(0).close(); '
    pager += "print('PAGER'); open('/dev/tty').readline()\""
    with Terminal(host.address, "--nick", "ana", environment={"PAGER": pager, **home}) as ana:
        ana.see("you are here")
        ana.type("\x1b[5~")  # PgUp
        ana.see("PAGER")
        bob.say("lobby", "meanwhile")
        bob.ping()
        assert not any("meanwhile" in line for line in ana.shown)
        ana.type("\n")
        ana.see("bob  meanwhile")
        eventually(lambda: not any("... /history" in line for line in ana.shown))
        ana.enter("/search old 5")
        ana.see("bob  old 5")


@pytest.mark.parametrize("own", [None, "-R"])
def test_the_pager_begins_where_one_looks(
    host: House, home: dict[str, str], own: str | None
) -> None:
    """At the last message when reading back; at the beginning of a list. less is told so."""
    show = "import os, sys; sys.stdin.read(); print('told', os.environ['LESS'])"
    environment = {
        **home,
        "PAGER": f'{sys.executable} -c "{show}"',
        **({"LESS": own} if own else {}),
    }
    with Terminal(host.address, "--nick", "ana", rows=8, environment=environment) as ana:
        ana.see_input("[lobby]")
        for number in range(5):
            ana.enter(f"old {number}")
        ana.see("ana> old 4")
        before = f"told {own or ''} -R -Psq goes back to the chat, h helps$".replace("  ", " ")
        ana.enter("/history")
        eventually(lambda: before + "+G" in ana.shown)
        ana.enter("/help in charge")
        eventually(lambda: before in ana.shown)


def test_reading_on_from_a_time_of_day(home: dict[str, str]) -> None:
    """Everything that was said since then, page after page."""
    now = time.time()
    later = time.strftime("%H:%M", time.localtime(now + 120))  # so yesterday's

    def say(seq: int, when: float) -> dict[str, Any]:
        text = f"message {seq}"
        return {
            "room": "lobby",
            "seq": seq,
            "time": when,
            "from": "ben",
            "kind": "text",
            "text": text,
        }

    def script(line: Line) -> None:
        line.welcome()
        line.admit()
        asked = line.expect("history")
        assert "before" not in asked
        newest = [say(seq, now) for seq in range(1001, 2001)]
        line.send("page", re=asked["id"], messages=newest[500:], more=True)
        asked = line.expect("history")
        line.send("page", re=asked["id"], messages=newest[:500], more=True)
        asked = line.expect("history")
        assert asked["before"] == 1001
        old = [say(999, now - 200_000), say(1000, now - 60)]
        line.send("page", re=asked["id"], messages=old, more=False)
        line.wait_for_end()

    with (
        foreign_server(script) as address,
        Terminal(address, "--nick", "ana", environment=home) as ana,
    ):
        ana.see_input("[lobby]")
        ana.enter(f"/history {later}")
        ana.see(f"-- the last 1001 in #lobby since {later}:")
        ana.see("message 2000")
        assert not any("message 999" in line for line in ana.shown)
        ana.type("\x04")
        assert ana.leave() == 0
