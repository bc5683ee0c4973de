"""Commands about other people."""

from tests.chat_client.programs import Terminal
from tests.chat_server.house import House
from tests.support.peer import Peer


def test_people_can_be_hidden(host: House, ana: Terminal, bob: Peer, home: dict[str, str]) -> None:
    """Whatever the case of the name, and in the next run, too; `/focus` hides all the others."""
    ana.enter("/ignore BOB")
    ana.see("BOB is hidden")
    bob.say("lobby", "unheard")
    bob.ok("tell", to="ana", text="unread")
    ana.enter("mark")
    ana.see("ana> mark")
    assert not any("unheard" in line or "unread" in line for line in ana.shown)
    with Terminal(host.address, "--nick", "anna", environment=home) as anna:
        anna.see("mark")
        anna.enter("/ignore")
        anna.see("hidden: bob")
        assert not any("unheard" in line for line in anna.shown)
        anna.enter("/unignore bob")
        anna.see("bob is shown again")
        bob.say("lobby", "heard")
        anna.see("bob  heard")
        anna.enter("/focus ana")
        anna.see("only shown: ana")
        bob.say("lobby", "aside")
        ana.enter("main")
        anna.see("ana  main")
        assert not any("aside" in line for line in anna.shown)
