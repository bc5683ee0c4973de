"""Measure how long it takes from `make run` in a fresh clone to a phone that talks in its browser.

    .venv/bin/python -m tests.first_words

It clones this repository, runs `make run` twice there (the first time it installs), and opens the
page in Chromium as wide as a phone, 360 pixels. Somebody with `nc` waits in the room for what the
phone says. The commands and the seconds are printed.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chat_server.gateways.page.site import say_who
from tests.support.browser import Browser, find_browser
from tests.support.ports import free_port
from tests.support.servers import ROOT
from tests.support.text_peer import TextPeer
from tests.support.waiting import DEADLINE

PHONE = (360, 640)
WORDS = "hello from a phone"


def main() -> int:
    """Measure it. Returns the exit code: 1 where there is no browser."""
    if find_browser() is None:
        print("no Chromium: apt install chromium", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="backchannel-") as folder, Browser() as browser:
        clone = Path(folder) / "backchannel"
        begin = time.monotonic()
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        print(f"git clone {'.' * 40} {time.monotonic() - begin:5.1f} s")
        for when in ("the first time, which installs", "again"):
            print(f"make run, {when}:")
            _measure(clone, browser)
    return 0


def _measure(clone: Path, browser: Browser) -> None:
    port, begin = free_port(), time.monotonic()

    def tell(what: str) -> None:
        print(f"  {time.monotonic() - begin:5.1f} s  {what}", flush=True)

    with _make_run(clone, port) as lines:
        if not any(line.startswith("listening on") for line in lines):
            sys.exit("`make run` ended: see what it says when you type it")
        tell("the server listens")
        with TextPeer(f"tcp://127.0.0.1:{port}") as other:
            other.send("nora")
            other.see("you are nora")
            page = browser.open(f"http://127.0.0.1:{port}/", size=PHONE, phone=True)
            page.until(lambda: page.is_shown("[name=nick]"), "the field for the nick")
            tell("the page in the phone's browser asks for a nick")
            say_who(page, "phone")
            page.until(lambda: page.is_shown("#input"), "the message field")
            tell("the phone is in the room")
            page.enter(WORDS)
            other.see(f"phone: {WORDS}")
            tell("somebody else has read what the phone said")
        page.close()


@contextmanager
def _make_run(clone: Path, port: int) -> Iterator[Iterator[str]]:
    """Run `make run`, and give the lines that it prints."""
    options = f"--port {port} --data {clone / 'data'} --no-announce"
    command = ["make", "--no-print-directory", "run", f"ARGS={options}"]
    names = ("VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    with subprocess.Popen(
        command, cwd=clone, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, start_new_session=True,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        try:
            yield iter(child.stdout)
        finally:
            os.killpg(child.pid, signal.SIGINT)
            child.wait(DEADLINE)


if __name__ == "__main__":
    sys.exit(main())
