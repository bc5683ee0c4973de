"""Make the pictures of docs/lab.md: a lesson in a terminal, in a browser, and as a hand-out.

    .venv/bin/python -m docs.pictures.lab

Nothing in them is made up: `chat-lab` plays the frozen reader, and a picture is what it shows then.
Another run's pictures differ in ports, times and counts.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from docs.pictures.palette import with_palette
from docs.pictures.record import picture
from tests.lab.screen import Screen
from tests.support.browser import Browser, Page
from tests.support.ports import free_port
from tests.support.servers import ROOT
from tests.support.waiting import DEADLINE, eventually

FOLDER = Path(__file__).parent
LAPTOP, PHONE = (1280, 900), (390, 844)
LESSON = "frozen-reader"
ROWS = 21


def main() -> None:
    """Take all pictures."""
    drawn = picture({f"chat-lab run {LESSON}": in_terminal()})
    (FOLDER / "lab_run.svg").write_text(drawn, encoding="utf-8")
    with Browser() as browser:
        in_browser(browser)
        as_handout(browser)


def in_terminal() -> Any:
    """The screen while everybody waits for one client."""
    with Screen("run", LESSON, rows=ROWS) as terminal:
        terminal.see("waits for lock")
        eventually(lambda: "holds lock" in terminal.shown)
        for row in range(ROWS):
            line = terminal.screen.buffer[row]
            for column in range(terminal.screen.columns):  # in SVG other blanks become one
                if line[column].data == " ":
                    line[column] = line[column]._replace(data="\xa0")
        return terminal.screen


def in_browser(browser: Browser) -> None:
    """The page for the projector, at the same moment."""
    child = subprocess.Popen(
        [sys.executable, "-m", "lab", "run", LESSON, "--serve", str(free_port())],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    try:
        found = re.search(r"http://\S+", child.stdout.readline())
        assert found is not None
        page = browser.open(found[0], size=LAPTOP)
        page.see("broken.py")
        page.run("document.querySelector('#servers button').click()")
        page.see("waits for lock", "#threads")
        take(page, "lab_live")
    finally:
        child.send_signal(2)
        child.wait(DEADLINE)


def as_handout(browser: Browser) -> None:
    """The hand-out on a laptop and on a phone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        subprocess.run(
            [sys.executable, "-m", "lab", "run", LESSON, "--html", str(path)],
            cwd=ROOT, stdout=subprocess.DEVNULL, check=True,
        )  # fmt: skip
        for size, name in ((LAPTOP, "lab_handout"), (PHONE, "lab_handout_phone")):
            page = browser.open(path.as_uri(), size=size)
            page.see("The frozen reader")
            take(page, name)


def take(page: Page, name: str) -> None:
    """Write what a page shows, with few colours."""
    path = FOLDER / f"{name}.png"
    page.picture(path)
    path.write_bytes(with_palette(path.read_bytes()))


if __name__ == "__main__":
    main()
