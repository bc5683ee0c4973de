"""People who talk all the time, and the live view of their server."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.chat_server.gateways.page.site import Site
from tests.chat_server.house import House
from tests.support.browser import Page
from tests.support.peer import Peer

PUPILS = 12
TALKERS = 4
_PAUSE = 0.01


@contextmanager
def talkative_class(site: Site) -> Iterator[None]:
    """Let some people talk in the lobby, and all of them read, while the block runs."""
    with House(f"tcp://127.0.0.1:{site.server.port}") as house:
        pupils = [house.enter(f"pupil{number}", "lobby") for number in range(PUPILS)]
        over = threading.Event()
        talking = threading.Thread(target=_talk, args=(pupils, over), name="pupils")
        talking.start()
        try:
            yield
        finally:
            over.set()
            talking.join()


def _talk(pupils: list[Peer], over: threading.Event) -> None:
    number = 0
    with suppress(ConnectionError):  # one that was cut
        while not over.wait(_PAUSE):
            for pupil in pupils[:TALKERS]:
                number += 1
                pupil.post("say", room="lobby", text=f"message {number}")
            for pupil in pupils:
                pupil.socket.settimeout(0)
                with suppress(BlockingIOError):
                    pupil.socket.recv(1 << 20)


def look(page: Page, site: Site) -> None:
    """Show the page that one is an owner, and wait for the view."""
    page.until(lambda: page.is_shown("[name=secret]"), "the field for the secret")
    page.until(lambda: page.run("document.activeElement?.name === 'secret'"), "the focus")
    page.type(site.secret)
    page.press("Enter")
    page.see("delivery-1", "#threads")


def suspend(page: Page, nick: str) -> None:
    """Press the button that suspends a member's connection."""
    press(page, f"Suspend {nick}")


def press(page: Page, name: str) -> None:
    """Press the button of that name, once it is shown."""
    find = f"""[...document.querySelectorAll('#members button')]
      .find((each) => each.ariaLabel === {name!r} && each.checkVisibility())"""
    page.until(lambda: page.run(f"Boolean({find})"), name)
    page.run(f"{find}.click()")


def lag_of(page: Page, nick: str) -> int:
    """The lag that is shown of somebody; -1 where nobody of that name is."""
    rows: list[list[str]] = page.run(
        """[...document.querySelectorAll('#members li')]
          .map((row) => [row.children[0].innerText, row.children[2].innerText])"""
    )
    found = [number for name, number in rows if name.startswith(f"{nick} in ")]
    return int(found[0].replace(",", "")) if found else -1
