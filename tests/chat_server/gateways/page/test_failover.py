"""Two servers of one chat: a page goes to the other one when its own is gone."""

from pathlib import Path

from chat_client import connect
from tests.chat_server.gateways.page.site import TRY_NOW, page_url, say_who
from tests.support.browser import Browser
from tests.support.ports import free_port
from tests.support.servers import ServerProcess


def said_at(server: ServerProcess) -> list[str]:
    """What a server has in the lobby's log."""
    with connect(server.address, nick="reader") as chat:
        return [message.text for message in chat.join("lobby").history(100)]


def test_a_page_goes_on_at_the_other_server(browser: Browser, tmp_path: Path) -> None:
    """It says where it is, and that it is new there; what was typed meanwhile is said there."""
    ports = [free_port(), free_port()]
    with (
        ServerProcess.serve(
            tmp_path / "a", "--also", f"127.0.0.1:{ports[1]}", port=ports[0]
        ) as first,
        ServerProcess.serve(
            tmp_path / "b", "--also", f"127.0.0.1:{ports[0]}", port=ports[1]
        ) as second,
    ):
        ana = browser.open(page_url(first))
        say_who(ana, "ana")
        ana.until(lambda: ana.is_shown("#input"), "the message field")
        ana.enter("one")
        ana.see_said("one")
        first.kill()
        ana.see("Not connected")
        ana.enter("two")
        ana.run(TRY_NOW)  # its own server again, in vain; the next try is at the other
        ana.see(f"You are at 127.0.0.1:{ports[1]} now. It does not know your session")
        ana.see_said("two")
        assert said_at(second) == ["two"]
        assert not ana.problems
        ana.close()
