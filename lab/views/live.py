"""A lesson live in a browser, for the projector: a small HTTP server, and a view that feeds it.

The page asks for `/events`, a stream of server-sent events
(https://html.spec.whatwg.org/multipage/server-sent-events.html), each of them the whole state. What
the user does there comes as a POST to `/do`, and is done by the thread that plays.
"""

import ipaddress
import json
import queue
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self, cast

import msgspec

from lab.stage.errors import LabError
from lab.stage.lesson import Lesson, Server
from lab.stage.stage import Snapshot, Stage, Table, Verdict
from lab.views.handout import code_figure

_PAGE = Path(__file__).with_name("live.html")

_PATIENCE = 5.0
"""Seconds that a browser may take for its request, or to take an event."""

_MOST = 1000
"""Bytes of an order at most."""

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
)


class Order(msgspec.Struct, frozen=True):
    """What the user did on the page: an action, and the number of a client or a server."""

    do: str
    number: int = 0


class LivePage:
    """Serves the page, and is a view that feeds it. A context manager.

    Attributes:
        url: where the page is.
        orders: what the user did; `play` is for whoever plays, the rest is done in `watch`.
    """

    def __init__(self, lesson: Lesson, host: str, port: int) -> None:
        """
        Args:
            lesson: the lesson.
            host: the address to listen on.
            port: the port, 0 for any.

        Raises:
            LabError: nobody can listen there.
        """
        self.orders: queue.Queue[Order] = queue.Queue()
        self._changed = threading.Condition()  # guards what follows
        self._state: dict[str, Any] = {
            "lesson": {"number": lesson.number, "title": lesson.title, "summary": lesson.summary},
            "servers": [
                {"file": each.file, "label": each.label, "code": code_figure(lesson, each)}
                for each in lesson.servers
            ],
            "verdicts": [None] * len(lesson.servers),
            "playing": None,
            "step_by_step": False,
            "now": None,
            "tables": [],
        }
        self._version = 0
        self._ended = False
        self._servers = lesson.servers
        try:
            self._http = _Server((host, port), self)
        except OSError as error:
            raise LabError(
                f"Port {port} of {host} cannot be had: {error.strerror}. Choose another one."
            ) from None
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._http.server_address[1]}/"
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.1,), name="lab-http"
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    # -- the view -----------------------------------------------------------------------------

    def begin(self, _: Lesson, server: Server) -> None:
        """A server is about to be attacked."""
        number = self._servers.index(server)
        verdicts = list(self._state["verdicts"])
        verdicts[number] = None
        self._set(playing=number, verdicts=verdicts, now=None)

    def watch(self, stage: Stage, now: Snapshot) -> None:
        """Do what the user asked for, and show the moment."""
        while not self.orders.empty():
            self._obey(self.orders.get(), stage)
        self._set(now=msgspec.to_builtins(now), step_by_step=stage.step_by_step)

    def end(self, verdict: Verdict) -> None:
        """The attack is over."""
        verdicts = list(self._state["verdicts"])
        verdicts[self._state["playing"]] = msgspec.to_builtins(verdict)
        self._set(verdicts=verdicts)

    def rest(self) -> None:
        """Nothing is played."""
        self._set(playing=None)

    def table(self, table: Table) -> None:
        """Show measurements."""
        self._set(tables=[*self._state["tables"], msgspec.to_builtins(table)])

    @staticmethod
    def _obey(order: Order, stage: Stage) -> None:
        clients = stage.clients
        if order.do == "next":
            stage.go_on()
        elif order.do == "step":
            stage.step_by_step = not stage.step_by_step
            stage.go_on()
        elif order.do == "stop":
            stage.stop()
        elif order.do == "suspend" and 0 <= order.number < len(clients):
            stage.toggle(clients[order.number])
        elif order.do == "cut" and 0 <= order.number < len(clients):
            clients[order.number].cut()

    def _set(self, **changes: Any) -> None:
        with self._changed:
            self._state |= changes
            self._version += 1
            self._changed.notify_all()

    # -- for the browsers ---------------------------------------------------------------------

    def next_state(self, seen: int) -> tuple[int, bytes] | None:
        """Wait for a state that a browser has not seen.

        Args:
            seen: the number of the last one that it has seen.

        Returns:
            The number of the state and the state as JSON; None at the end.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._version != seen)
            if self._ended:
                return None
            return self._version, json.dumps(self._state).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, address: tuple[str, int], page: LivePage) -> None:
        self.page = page
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)

    def handle_error(self, *_: object) -> None:
        """Say nothing: a browser that hangs up is no error."""


class _Handler(BaseHTTPRequestHandler):
    timeout = _PATIENCE

    def do_GET(self) -> None:
        """Send the page, or the stream of events."""
        if not self._is_for_us():
            return
        if self.path == "/":
            self._send(_PAGE.read_bytes(), "text/html; charset=utf-8")
        elif self.path == "/events":
            self._stream()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """Take an order. A page of another site cannot set the header without asking first."""
        if not self._is_for_us():
            return
        told = self.headers.get("Content-Length", "")
        length = int(told) if told.isdecimal() else 0
        if self.path != "/do" or self.headers.get("X-Lab") != "1" or not 0 < length <= _MOST:
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        try:
            order = msgspec.json.decode(self.rfile.read(length), type=Order)
        except msgspec.DecodeError:
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        self._page.orders.put(order)
        self._send(b"{}", "application/json")

    @property
    def _page(self) -> LivePage:
        return cast(_Server, self.server).page

    def _is_for_us(self) -> bool:
        """Refuse a name that somebody else may have pointed here (DNS rebinding)."""
        host = self.headers.get("Host", "").rpartition(":")[0].strip("[]")
        if host == "localhost" or _is_address(host):
            return True
        self.send_error(HTTPStatus.FORBIDDEN, "Type the address, not a name")
        return False

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", _POLICY)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        seen = -1
        while (state := self._page.next_state(seen)) is not None:
            seen, data = state
            self.wfile.write(b"data: %s\n\n" % data)

    def log_message(self, *_: object) -> None:
        """Say nothing of requests."""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
