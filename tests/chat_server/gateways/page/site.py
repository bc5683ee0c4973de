"""A server and the people who use it in a browser."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.browser import Browser, Page
from tests.support.servers import ServerProcess

TRY_NOW = "document.querySelector('#banner button')?.click()"
"""Presses the button that connects at once, where the page waits to."""


class Site:
    """A running server, and the means to come in with a browser.

    Attributes:
        server: the server; a test that restarts it puts the new one here.
        data: the server's data folder.
        url: where its page is.
    """

    def __init__(self, data: Path, browser: Browser) -> None:
        self.data = data
        self.server = server = ServerProcess.serve(data)
        self.url = page_url(server)
        self._browser = browser
        self._pages: list[Page] = []

    @property
    def secret(self) -> str:
        """What makes somebody the owner."""
        return self.server.secret

    def open(
        self,
        path: str = "",
        *,
        size: tuple[int, int] = (1280, 800),
        dark: bool = False,
        phone: bool = False,
        beside: Page | None = None,
        script: str = "",
    ) -> Page:
        """Open a page of the server; see `Browser.open`."""
        page = self._browser.open(
            self.url + path, size=size, dark=dark, phone=phone, beside=beside, script=script
        )
        self._pages.append(page)
        return page

    def enter(
        self,
        nick: str,
        path: str = "",
        *,
        size: tuple[int, int] = (1280, 800),
        dark: bool = False,
        phone: bool = False,
        script: str = "",
    ) -> Page:
        """Open the page and come in."""
        page = self.open(path, size=size, dark=dark, phone=phone, script=script)
        say_who(page, nick)
        page.until(lambda: page.is_shown("#input"), "the message field")
        return page

    def leave(self, page: Page) -> None:
        """Close a page, as if its tab was closed."""
        self._pages.remove(page)
        page.close()

    def restart(self) -> None:
        """Start the server again, which has ended, on the same port and the same data."""
        self.server = self.server.restarted()

    def close(self) -> None:
        """End the server, and show that no page had anything to complain of."""
        self.server.close()
        problems = [problem for page in self._pages for problem in page.problems]
        for page in self._pages:
            page.close()
        assert not problems, problems


def page_url(server: ServerProcess) -> str:
    """Where a server's page is."""
    return f"http://127.0.0.1:{server.port}/"


def say_who(page: Page, nick: str) -> None:
    """Answer the page's question, with the keyboard."""
    page.until(lambda: page.is_shown("[name=nick]"), "the field for the nick")
    page.until(
        lambda: page.run("document.activeElement?.name === 'nick'"), "the focus in the field"
    )
    page.type(nick)
    page.press("Enter")


def claim(page: Page, site: Site) -> None:
    """Make somebody the owner."""
    page.enter(f"/claim {site.secret}")
    page.see("You are an owner now")


@contextmanager
def running_site(browser: Browser) -> Iterator[Site]:
    """Run a server without limits, as a user starts it."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder) / "data", browser)
        try:
            yield site
        finally:
            site.close()
