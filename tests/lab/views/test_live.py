"""A lesson in a real browser: it is played, stepped through and changed there."""

import http.client
import json
import queue
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab.lessons.catalogue import lesson
from lab.views.live import LivePage
from tests.support.browser import Browser, find_browser
from tests.support.leaks import nothing_left_behind
from tests.support.ports import free_port
from tests.support.servers import ROOT
from tests.support.waiting import DEADLINE

LESSON = lesson("frozen-reader")


@contextmanager
def serving(name: str) -> Iterator[str]:
    """Run `chat-lab run NAME --serve`. Give the address of the page."""
    child = subprocess.Popen(
        [sys.executable, "-m", "lab", "run", name, "--serve", str(free_port())],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    try:
        line = child.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/", line)
        assert found is not None, line
        yield found[0]
    finally:
        child.send_signal(2)
        _, said = child.communicate(timeout=DEADLINE)
    assert child.returncode == 130
    assert "Traceback" not in said


@pytest.mark.skipif(find_browser() is None, reason="there is no Chromium")
def test_a_lesson_is_played_in_the_browser() -> None:
    """The verdict is shown; a client is suspended and resumed; nothing is refused by the policy."""
    with serving("iterative-server") as url, Browser() as browser:
        page = browser.open(url)
        page.see("one client after the other")
        assert page.count("#code .guilty") == 1
        page.run("document.querySelectorAll('#servers button')[0].click()")
        page.see("ana stays connected")
        page.see("It breaks.", "#verdict")
        page.until(
            lambda: not page.run("document.querySelector('#servers button').disabled"), "rest"
        )
        page.run("document.querySelectorAll('#servers button')[1].click()")
        page.see("It holds.", "#verdict")
        assert page.run("document.documentElement.scrollWidth <= window.innerWidth")
        assert page.problems == []


@pytest.mark.skipif(find_browser() is None, reason="there is no Chromium")
def test_step_by_step_in_the_browser() -> None:
    """Each step waits; stop ends it."""
    with serving("measuring-honestly") as url, Browser() as browser:
        page = browser.open(url, size=(390, 800), phone=True)
        page.see("stalls for a second")
        page.run("document.querySelector('#servers button').click()")
        page.until(lambda: not page.run("document.querySelector('#step').disabled"), "it plays")
        page.run("document.querySelector('#step').click()")
        page.see("Press “next step”", "#steps")
        page.run("document.querySelector('.client button').click()")
        page.see("suspended", "#clients")
        page.run("document.querySelector('.client button').click()")
        page.see("reads", "#clients")
        page.run("document.querySelector('#stop').click()")
        page.until(
            lambda: not page.run("document.querySelector('#servers button').disabled"), "rest"
        )
        assert page.run("document.documentElement.scrollWidth <= window.innerWidth")


def asked(page: LivePage, method: str, path: str, body: str = "", **headers: str) -> int:
    """Ask the page's server for something. Return the status."""
    port = int(page.url.rpartition(":")[2].strip("/"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, body, named)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def test_other_sites_are_refused() -> None:
    """A name that points here, an order without the header, an order that is none."""
    order = json.dumps({"do": "play", "number": 1})
    with nothing_left_behind(), LivePage(LESSON, "127.0.0.1", 0) as page:
        assert asked(page, "GET", "/", Host="evil.example") == 403
        assert asked(page, "POST", "/do", order, Host="evil.example", X_Lab="1") == 403
        assert asked(page, "POST", "/do", order) == 400
        assert asked(page, "POST", "/do", "[1", X_Lab="1") == 400
        assert asked(page, "POST", "/do", '{"number": 1}', X_Lab="1") == 400
        assert asked(page, "POST", "/do", "x" * 2000, X_Lab="1") == 400
        assert asked(page, "POST", "/do", order, X_Lab="1", Content_Length="x") == 400
        assert asked(page, "GET", "/etc/passwd") == 404
        with pytest.raises(queue.Empty):
            page.orders.get_nowait()
        assert asked(page, "GET", "/", Host="localhost:1") == 200
        assert asked(page, "POST", "/do", order, X_Lab="1") == 200
        assert page.orders.get(timeout=DEADLINE).number == 1
