"""A real Chromium for tests, driven over its DevTools protocol.

That is JSON over a WebSocket, and `websockets` is a dependency of the server already, so a test
needs the browser and nothing else: no driver of the same version, no other library. What is used
is described at https://chromedevtools.github.io/devtools-protocol/ (Target, Page, Runtime, Input,
Emulation, Network).

Keys and clicks go through the browser's input, as those of a person do.
"""

import base64
import itertools
import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import Queue
from types import TracebackType
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.waiting import DEADLINE, eventually

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

_OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # tests run as root, too
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--mute-audio",
    "--password-store=basic",
)

_LEFT = ("navigated or closed", "Execution context was destroyed", "Cannot find context")
"""What the browser says where the page that was asked is no more."""

_KEYS = {
    "Enter": 13,
    "Tab": 9,
    "Escape": 27,
    "Backspace": 8,
    "ArrowUp": 38,
    "ArrowDown": 40,
    "PageUp": 33,
    "PageDown": 34,
    "Home": 36,
    "End": 35,
}
_ALT, _CONTROL, _SHIFT = 1, 2, 8
_MODIFIERS = {"Alt": _ALT, "Control": _CONTROL, "Shift": _SHIFT}

Object = dict[str, Any]


def _unless_left(condition: Callable[[], Any]) -> Any:
    """Return what `condition` returns; None if the page was left meanwhile: the next one comes."""
    try:
        return condition()
    except PageLeftError:
        return None


def find_browser() -> str | None:
    """Return the path of a Chromium, or None where there is none."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


class PageError(Exception):
    """The page or the browser refused what a test asked."""


class PageLeftError(PageError):
    """The page was left, or loaded anew, before it had answered."""


class Browser:
    """One Chromium. A context manager that leaves no process and no file behind.

    Each page has a profile of its own, as if it were another person's browser, unless it is
    opened beside another.
    """

    def __init__(self) -> None:
        program = find_browser()
        assert program, f"there is none of {', '.join(PROGRAMS)}"
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._child = subprocess.Popen(
            [program, *_OPTIONS, f"--user-data-dir={self._folder.name}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._open = ExitStack()  # holds the connection
        try:
            self._connection = self._open.enter_context(self._connect())
        except BaseException:
            self._end()
            raise
        self._ids = itertools.count(1)
        self._lock = threading.Lock()  # guards the two below
        self._replies: dict[int, Queue[Object]] = {}
        self._pages: dict[str, Page] = {}
        self._reader = threading.Thread(target=self._read, name="browser")
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with suppress(PageError):
            self.send("Browser.close")
        self._end()
        self._reader.join(DEADLINE)
        self._open.close()

    def open(
        self,
        url: str,
        *,
        size: tuple[int, int] = (1280, 800),
        dark: bool = False,
        phone: bool = False,
        beside: "Page | None" = None,
        script: str = "",
    ) -> "Page":
        """Open a page.

        Args:
            url: its address.
            size: of the window, in CSS pixels.
            dark: whether the system's colours are dark.
            phone: whether it has a touch screen and no mouse.
            beside: another page, whose storage it shares, as tabs of one browser do.
            script: JavaScript to run before the page's own.
        """
        context = (
            beside.context
            if beside
            else self.send("Target.createBrowserContext")["browserContextId"]
        )
        target = self.send("Target.createTarget", url="about:blank", browserContextId=context)
        target_id = target["targetId"]
        session = self.send("Target.attachToTarget", targetId=target_id, flatten=True)["sessionId"]
        page = Page(self, session, target_id, context)
        with self._lock:
            self._pages[session] = page
        page.prepare(size, dark=dark, phone=phone, script=script)
        page.go(url)
        return page

    def send(self, method: str, session: str | None = None, **parameters: Any) -> Object:
        """Call a method of the protocol and return its result.

        Raises:
            PageError: the browser refused it, or is gone.
        """
        number = next(self._ids)
        reply: Queue[Object] = Queue()
        with self._lock:
            self._replies[number] = reply
        call: Object = {"id": number, "method": method, "params": parameters}
        if session:
            call["sessionId"] = session
        try:
            self._connection.send(json.dumps(call))
        except ConnectionClosed:
            raise PageError("the browser is gone") from None
        answer = reply.get(timeout=DEADLINE * 2)
        if "error" in answer:
            message = answer["error"]["message"]
            kind = PageLeftError if any(each in message for each in _LEFT) else PageError
            raise kind(f"{method}: {message}")
        result: Object = answer["result"]
        return result

    def _connect(self) -> ClientConnection:
        told = Path(self._folder.name) / "DevToolsActivePort"

        def where() -> list[str]:
            assert self._child.poll() is None, "the browser ended"
            lines = told.read_text().splitlines() if told.exists() else []
            return lines if len(lines) == 2 else []

        port, path = eventually(where, DEADLINE * 2)
        return connect(f"ws://127.0.0.1:{port}{path}", max_size=None, compression=None)

    def _read(self) -> None:
        try:
            for text in self._connection:
                self._take(json.loads(text))
        except ConnectionClosed:
            pass  # it ends, or was killed
        with self._lock:
            waiting = list(self._replies.values())
        for reply in waiting:
            reply.put({"error": {"message": "the browser is gone"}})

    def _take(self, message: Object) -> None:
        with self._lock:
            reply = self._replies.pop(message.get("id", 0), None)
            page = self._pages.get(message.get("sessionId", ""))
        if reply:
            reply.put(message)
        elif page and "method" in message:
            page.hear(message["method"], message["params"])

    def _end(self) -> None:
        try:
            self._child.wait(DEADLINE / 4)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait(DEADLINE)
        self._folder.cleanup()


class Page:
    """A page in a browser.

    Attributes:
        context: its profile.
        problems: what the page complained of: errors, and what its security policy refused.
    """

    def __init__(self, browser: Browser, session: str, target: str, context: str) -> None:
        self._browser = browser
        self._session = session
        self._target = target
        self.context = context
        self.problems: list[str] = []

    def prepare(self, size: tuple[int, int], *, dark: bool, phone: bool, script: str) -> None:
        """Set what the browser tells the page about its surroundings."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._send(f"{domain}.enable")
        width, height = size
        self._send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )
        if phone:
            self._send("Emulation.setTouchEmulationEnabled", enabled=True)
        self._send("Emulation.setFocusEmulationEnabled", enabled=True)
        self.set_dark(dark)
        if script:
            self._send("Page.addScriptToEvaluateOnNewDocument", source=script)

    def hear(self, method: str, parameters: Object) -> None:
        """Note what went wrong. On the browser's thread."""
        if method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            thrown = details.get("exception", {}).get("description", details["text"])
            self.problems.append(thrown)
        elif method == "Log.entryAdded" and parameters["entry"]["source"] in (
            "security",
            "violation",
        ):
            self.problems.append(parameters["entry"]["text"])

    def set_dark(self, dark: bool, *, moving: bool = False) -> None:
        """Let the system's colours be dark, or light, and let it want less motion, or not."""
        self._send(
            "Emulation.setEmulatedMedia",
            features=[
                {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
                {
                    "name": "prefers-reduced-motion",
                    "value": "no-preference" if moving else "reduce",
                },
            ],
        )

    def set_focus(self, focused: bool) -> None:
        """Let the page believe that somebody looks at it, or not."""
        self._send("Emulation.setFocusEmulationEnabled", enabled=focused)

    def resize(self, width: int, height: int) -> None:
        """Give the window another size."""
        self._send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def go(self, url: str) -> None:
        """Go to an address."""
        error = self._send("Page.navigate", url=url).get("errorText")
        if error:
            raise PageError(f"{url}: {error}")

    def reload(self) -> None:
        """Load the page again."""
        self.run("window.isOld = true")
        self._send("Page.reload")
        loaded = "!window.isOld && document.readyState === 'complete'"
        eventually(lambda: _unless_left(lambda: self.run(loaded)))

    def close(self) -> None:
        """Close it, as if its tab was closed."""
        self._browser.send("Target.closeTarget", targetId=self._target)

    def run(self, script: str) -> Any:
        """Return what an expression in JavaScript is; a promise is waited for.

        Raises:
            PageError: it threw.
        """
        answer = self._send(
            "Runtime.evaluate",
            expression=script,
            returnByValue=True,
            awaitPromise=True,
            userGesture=True,
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise PageError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def text(self, selector: str) -> str:
        """The text of the first element, as it is shown; empty if there is none."""
        shown: str = self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")
        return shown

    def texts(self, selector: str) -> list[str]:
        """The texts of all elements."""
        script = f"[...document.querySelectorAll({json.dumps(selector)})].map((e) => e.innerText)"
        shown: list[str] = self.run(script)
        return shown

    def count(self, selector: str) -> int:
        """How many elements there are."""
        number: int = self.run(f"document.querySelectorAll({json.dumps(selector)}).length")
        return number

    def is_shown(self, selector: str) -> bool:
        """Whether the first element takes room on the page."""
        script = (
            f"(document.querySelector({json.dumps(selector)})?.getClientRects().length ?? 0) > 0"
        )
        return bool(self.run(script))

    def accessible(self) -> list[tuple[str, str, str]]:
        """What a screen reader is told: (description, role, name) of each node that it hears of."""
        nodes = self._send("Accessibility.getFullAXTree")["nodes"]
        return [
            (
                str(node.get("description", {}).get("value", "")),
                node["role"]["value"],
                node.get("name", {}).get("value", ""),
            )
            for node in nodes
            if not node["ignored"]
        ]

    def see(self, text: str, selector: str = "body") -> None:
        """Wait until a text is shown."""
        self.until(lambda: text in self.text(selector), f"{text!r} in {selector}")

    def see_said(self, *texts: str) -> None:
        """Wait until these are the last messages, in this order."""
        self.until(lambda: self.said()[-len(texts) :] == list(texts), f"the last said are {texts}")

    def said(self) -> list[str]:
        """The texts of the messages that are on the page."""
        return self.texts("#messages .message .text")

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Return what `condition` returns as soon as it is true.

        Raises:
            AssertionError: it did not happen; with what the page shows instead.
        """
        try:
            return eventually(lambda: _unless_left(condition))
        except AssertionError:
            shown = self.text("body")[-3000:]
            raise AssertionError(f"not seen: {what}\n{shown}\n{self.problems}") from None

    def click(self, selector: str) -> None:
        """Click in the middle of the first element, once it is there."""
        self._click(f"document.querySelector({json.dumps(selector)})", selector)

    def choose(self, text: str, selector: str = "button") -> None:
        """Click the element that has this text, once it is there."""
        find = f"""[...document.querySelectorAll({json.dumps(selector)})].find(
          (each) => each.getClientRects().length && each.innerText.trim() === {json.dumps(text)})"""
        self._click(find, f"{selector} with {text!r}")

    def _click(self, find: str, what: str) -> None:
        # Found and measured in one step, as the page may put another element in its place. A frame
        # later it is to be there still: what the page goes on to load moves it.
        script = f"""(async () => {{
          const measure = () => {{
            const found = {find};
            if (!found?.getClientRects().length) return null;
            found.scrollIntoView({{ block: "nearest" }});
            const {{ x, y, width, height }} = found.getBoundingClientRect();
            return {{ x: x + width / 2, y: y + height / 2 }};
          }};
          const before = measure();
          if (!before) return null;
          await new Promise((resolve) => setTimeout(resolve, 50));
          const place = measure();
          return place?.x === before.x && place.y === before.y ? place : null;
        }})()"""
        place = self.until(lambda: self.run(script), what)
        for kind in ("mousePressed", "mouseReleased"):
            self._send("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)

    def type(self, text: str) -> None:
        """Write a text where the focus is, as an input method does: at once."""
        self._send("Input.insertText", text=text)

    def press(self, chord: str) -> None:
        """Press a key, with others held: `Enter`, `Alt+ArrowDown`, `Control+k`."""
        *held, key = chord.split("+")
        modifiers = sum(_MODIFIERS[each] for each in held)
        code = _KEYS.get(key) or ord(key.upper())
        known: Object = {"key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        known["code"] = key if key in _KEYS else f"Key{key.upper()}"
        written = {"Enter": "\r"}.get(key, key if len(key) == 1 and not held else "")
        self._send(
            "Input.dispatchKeyEvent",
            type="keyDown" if written else "rawKeyDown",
            text=written,
            **known,
        )
        self._send("Input.dispatchKeyEvent", type="keyUp", **known)

    def enter(self, line: str) -> None:
        """Write a line in the message field and send it."""
        self.run("document.querySelector('#input').focus()")
        self.type(line)
        self.press("Enter")

    def paste(self, text: str) -> None:
        """Paste a text where the focus is."""
        script = (
            "(() => { const data = new DataTransfer();"
            f"data.setData('text/plain', {json.dumps(text)});"
            "const event = new ClipboardEvent('paste', { clipboardData: data, bubbles: true });"
            "document.activeElement.dispatchEvent(event); })()"
        )
        self.run(script)
        self.type(text)

    def picture(self, path: Path) -> None:
        """Write what the page shows, as PNG."""
        data = self._send("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))

    def _send(self, method: str, **parameters: Any) -> Object:
        return self._browser.send(method, self._session, **parameters)
