"""Commands to talk, and to say that one is away."""

from tests.chat_client.programs import Terminal
from tests.support.peer import Peer


def test_away_is_told_once(ana: Terminal, bob: Peer) -> None:
    """To who writes or names the user, once each, until `/back`."""
    ana.enter("/away lunch, back at 2")
    ana.see("you are away")
    bob.say("lobby", "ana: ping")
    assert bob.expect("direct")["text"] == "(away) lunch, back at 2"
    bob.ok("tell", to="ana", text="there?")
    ana.see("there?")
    ana.see_status("away")
    ana.enter("/back")
    ana.see("you are back")
    bob.ok("tell", to="ana", text="now?")
    ana.see("now?")
    ana.enter("/answer now")
    assert bob.expect("direct")["text"] == "now"
    ana.enter("/query bob")
    ana.see_input("[to bob]")
    ana.enter("only for you")
    assert bob.expect("direct")["text"] == "only for you"
    assert not [frame for frame in bob.queue if frame["type"] == "direct"]
    ana.enter("/query")
    ana.see_input("[lobby]")
