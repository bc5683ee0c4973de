"""A browser for the tests of this folder, and a server with a page."""

from collections.abc import Iterator

import pytest

from tests.chat_server.gateways.page.site import Site, running_site
from tests.support.browser import PROGRAMS, Browser, find_browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser, which the tests of a module share; each page is another person's."""
    if find_browser() is None:
        pytest.skip(
            f"no browser: none of {', '.join(PROGRAMS)} is installed (apt install chromium)"
        )
    with Browser() as browser:
        yield browser


@pytest.fixture
def site(browser: Browser) -> Iterator[Site]:
    """A server of its own for each test."""
    with running_site(browser) as site:
        yield site
