"""Commands to go from room to room."""

from tests.chat_client.programs import Terminal
from tests.support.peer import Peer
from tests.support.waiting import eventually

ALT = "\x1b"


def test_several_rooms_at_once(ana: Terminal, bob: Peer) -> None:
    """Tags, unread counts, and all the ways from room to room; a draft stays meanwhile."""
    bob.join("ops")
    ana.enter("/join ops")
    ana.see_input("[ops]")
    bob.say("lobby", "one")
    bob.say("lobby", "two, ana")
    assert ana.see("one") == "#lobby bob  one"
    ana.see_status("1:lobby 2! 2:ops")
    ana.type("draft")
    ana.type(f"{ALT}1")
    ana.see_input("[lobby] draft")
    ana.see("-- #lobby, 2 new:")
    ana.see_status("1:lobby 2:ops")
    for keys, room in [
        ("\x0e", "ops"),
        ("\x10", "lobby"),
        (f"{ALT}2", "ops"),
        ("\x15/switch 1\r", "lobby"),
        ("/switch #ops\r", "ops"),
        ("/s\r", "lobby"),
    ]:
        ana.type(keys)
        eventually(lambda room=room: ana.input_line.startswith(f"[{room}]"))  # type: ignore[misc]
    bob.say("ops", "psst")
    ana.see("#ops bob  psst")
    ana.type(f"{ALT}a")
    ana.see_input("[ops]")
    ana.enter("/leave")
    ana.see("-- you left #ops")
    ana.see_input("[lobby]")
