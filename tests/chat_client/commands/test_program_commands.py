"""Commands about the program itself."""

import pytest

from tests.chat_client.programs import Terminal
from tests.chat_server.house import House
from tests.support.peer import Peer
from tests.support.servers import ServerProcess


def test_the_state_is_told_and_the_user_decides(
    mortal: ServerProcess, home: dict[str, str]
) -> None:
    """Round trip, reconnecting, no more tries, now; then what was missed, and where one is."""
    with Terminal(mortal.address, "--nick", "ana", environment=home) as ana:
        ana.see_status("ms | ana@")
        mortal.kill()
        ana.see_status("reconnecting")
        ana.enter("/reconnect off")
        ana.see("no more tries")
        ana.see_status("not connected")
        with mortal.restarted() as again, Peer.connect(again.address) as bob:
            bob.hello("bob")
            bob.join("lobby")
            bob.say("lobby", "you missed this")
            ana.enter("/reconnect")
            ana.see("-- you were away: +1 message:")
            ana.see("bob  you missed this")
            ana.see("-- you are here: #lobby")
            ana.see_status("connected")
            assert sum("you missed this" in line for line in ana.shown) == 1


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (60, 15)])
def test_help_fits_one_screen(host: House, home: dict[str, str], columns: int, rows: int) -> None:
    """All of it stands above the input line."""
    with Terminal(
        host.address, "--nick", "ana", columns=columns, rows=rows, environment=home
    ) as ana:
        ana.see("you are here")
        ana.enter("/help")
        ana.see("tells more")
        visible = "".join(ana.screen.display)
        assert "//TEXT" in visible
        assert "tells more" in visible
        assert "/quit" in visible
