"""Run a server, and report what its threads do while it runs.

    python probe.py DESCRIPTOR SERVER.py ARGUMENTS...

The server knows nothing of it: it is run as a program. One more thread samples
`sys._current_frames()` some 20 times a second and writes what it sees to the descriptor, one JSON
object a line. The program that started this reads them; when it is gone, the server ends.

This file imports the standard library only, since any Python may run it.
"""

import ast
import fcntl
import gc
import json
import os
import runpy
import socket
import struct
import sys
import termios
import threading
import time
from types import CodeType, FrameType

INTERVAL = 0.05
"""Seconds between two samples."""

_WAITS = {
    "accept": "accept",
    "recv": "recv",
    "recvfrom": "recv",
    "recv_into": "recv",
    "readinto": "recv",
    "sendall": "send",
    "send": "send",
    "sendto": "send",
    "select": "select",
    "poll": "select",
    "sleep": "sleep",
    "print": "print",
    "get": "queue",
    "put": "queue",
    "join": "join",
    "wait": "condition",
    "wait_for": "condition",
    "acquire": "lock",
    "result": "result",
}
"""What a thread waits for in a call of that name."""

_SHARE = 20
"""How many times as long as it takes to make a report the next one is waited for."""

_THREADS = 60
"""How many threads a report has at most."""

_CONNECTIONS = 50
"""How many connections a report has at most."""

_DEEP = ("threading.py", "queue.py", "selectors.py", "socket.py")
"""Modules whose functions a server waits in."""

TIOCOUTQ = getattr(termios, "TIOCOUTQ", None)
"""tcp(7): how many bytes of a socket its peer has not confirmed yet. Linux has it."""


class Source:
    """The source of the server: its calls and its `with` blocks, by position."""

    def __init__(self, path: str) -> None:
        self.path = path
        with open(path, encoding="utf-8") as file:
            self.text = file.read()
        self.lines = self.text.splitlines()
        # (first line, last line, the expression) of each block under a lock
        self.blocks: list[tuple[int, int, str]] = []
        self.entries: dict[int, str] = {}  # the expression after `with`, by its line
        for node in ast.walk(ast.parse(self.text)):
            if isinstance(node, ast.With):
                last = max(each.end_lineno or each.lineno for each in node.body)
                for item in node.items:
                    expression = ast.unparse(item.context_expr)
                    self.entries.setdefault(item.context_expr.lineno, expression)
                    self.blocks.append((node.body[0].lineno, last, expression))

    def at(self, frame: FrameType) -> str:
        """The expression that a frame evaluates now."""
        place = _position(frame.f_code, frame.f_lasti)
        first, last, start, stop = place
        if first is None or last != first or start is None or stop is None:
            number = frame.f_lineno or 0
            return self.entries.get(number) or (self.lines[number - 1].strip() if number else "")
        line = self.lines[first - 1].encode()
        return line[start:stop].decode(errors="replace")


def _position(code: CodeType, offset: int) -> tuple[int | None, int | None, int | None, int | None]:
    for number, place in enumerate(code.co_positions()):
        if number == offset // 2:
            return place
    return None, None, None, None


class Probe:
    """Samples the threads of this process."""

    def __init__(self, descriptor: int, path: str) -> None:
        self._descriptor = descriptor
        self._source = Source(path)
        self._own = 0

    def run(self) -> None:
        """Write reports until nobody reads them; then end the process."""
        self._own = threading.get_ident()
        pause = threading.Event()
        while True:
            start = time.monotonic()
            line = json.dumps(self.report()).encode() + b"\n"
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except OSError:
                os._exit(1)
            pause.wait(max(INTERVAL, _SHARE * (time.monotonic() - start)))

    def report(self) -> dict[str, object]:
        """What there is to see now."""
        frames = sys._current_frames()
        frames.pop(self._own, None)
        scope = _globals_of(frames.values(), self._source.path)
        locks = _lock_names(scope)
        threads = []
        for number, thread in enumerate(threading.enumerate()[:_THREADS]):
            frame = frames.get(thread.ident or 0)
            if frame is not None:
                state = self._thread(frame, locks)
                threads.append({"name": _name(thread, number), **state})
        return {
            "threads": threads,
            "count": threading.active_count() - 1,
            "values": _values(scope),
            **_sockets(),
            "memory": _memory(),
        }

    def _thread(self, frame: FrameType, locks: dict[int, str]) -> dict[str, object]:
        inner = frame
        calls: list[FrameType] = []
        each: FrameType | None = frame
        while each is not None:
            if each.f_code.co_filename == self._source.path:
                calls.append(each)
            each = each.f_back
        if not calls:
            return {"state": "starts", "text": "", "line": 0, "holds": [], "waits": None}
        top = calls[0]
        text = self._source.at(top)
        state = _state_of(text, inner is not top, inner)
        waits = None
        found = _resolve(text, top)
        if _is_lock(found):
            state, waits = "lock", locks.get(id(found), text)
        holds = [] if state == "condition" else self._held(calls, locks)
        return {
            "state": state,
            "text": text[:60],
            "line": top.f_lineno or 0,
            "holds": [name for name in holds if name != waits],
            "waits": waits,
        }

    def _held(self, calls: list[FrameType], locks: dict[int, str]) -> list[str]:
        held = []
        for frame in calls:
            for first, last, expression in self._source.blocks:
                if first <= (frame.f_lineno or 0) <= last and _inside(frame.f_code, first):
                    found = _resolve(expression, frame)
                    if _is_lock(found):
                        held.append(locks.get(id(found), expression))
        return held


def _inside(code: CodeType, line: int) -> bool:
    """Whether a line belongs to this function and not to one around it."""
    return any(found == line for _, _, found in code.co_lines())


def _state_of(text: str, deeper: bool, inner: FrameType) -> str:
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        tree = None
    if isinstance(tree, ast.Await):
        tree = tree.value
    if isinstance(tree, ast.Call):
        function = tree.func
        name = function.attr if isinstance(function, ast.Attribute) else ""
        if isinstance(function, ast.Name):
            name = function.id
        if name in _WAITS:
            return _WAITS[name]
    if deeper and os.path.basename(inner.f_code.co_filename) in _DEEP:
        return _WAITS.get(inner.f_code.co_name, "runs")
    return "runs"


def _resolve(expression: str, frame: FrameType) -> object:
    """The value of a plain expression of names, attributes and items. None if it is another."""
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError:
        return None
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute):
        if tree.func.attr != "acquire":
            return None
        tree = tree.func.value
    return _value(tree, frame)


def _value(tree: ast.expr, frame: FrameType) -> object:
    if isinstance(tree, ast.Constant):
        return tree.value
    if isinstance(tree, ast.Name):
        name = tree.id
        return frame.f_locals.get(name, frame.f_globals.get(name))
    if isinstance(tree, ast.Attribute):
        return getattr(_value(tree.value, frame), tree.attr, None)
    if isinstance(tree, ast.Subscript):
        whole, index = _value(tree.value, frame), _value(tree.slice, frame)
        return whole.get(index) if isinstance(whole, dict) else None
    return None


def _is_lock(found: object) -> bool:
    return hasattr(found, "acquire") and hasattr(found, "release")


def _globals_of(frames: object, path: str) -> dict[str, object]:
    for frame in frames:  # type: ignore[attr-defined]
        each = frame
        while each is not None:
            if each.f_code.co_filename == path:
                return dict(each.f_globals)
            each = each.f_back
    return {}


def _lock_names(scope: dict[str, object]) -> dict[int, str]:
    """How the server calls its locks, by their identity: `lock`, `rooms['red'].lock`."""
    names = {}
    for name, value in scope.items():
        if name.startswith("__"):
            continue
        if _is_lock(value):
            names[id(value)] = name
        elif isinstance(value, dict):
            for key, each in list(value.items())[:50]:
                label = f"{name}[{key!r}]"
                if _is_lock(each):
                    names[id(each)] = label
                for attribute, inner in list(getattr(each, "__dict__", {}).items()):
                    if _is_lock(inner):
                        names[id(inner)] = f"{label}.{attribute}"
    return names


def _values(scope: dict[str, object]) -> dict[str, int]:
    """The server's own variables: its whole numbers, and how long its collections are."""
    values = {}
    for name, value in scope.items():
        if name.startswith("_") or name.isupper():
            continue
        if isinstance(value, int) and not isinstance(value, bool):
            values[name] = value
        elif hasattr(value, "qsize"):
            values[name] = value.qsize()
        elif isinstance(value, (dict, list, set, bytearray)) or hasattr(value, "maxlen"):
            values[name] = len(value)  # type: ignore[arg-type]
    return values


def _sockets() -> dict[str, object]:
    """The ports that the server listens on, and its connections.

    Of a connection: the peer's port, and the bytes that the kernel has not delivered, out and in.
    """
    listening: list[int] = []
    connections: list[dict[str, int]] = []
    for each in gc.get_objects():
        if type(each) is not socket.socket or each.family == socket.AF_UNIX:
            continue
        try:
            peer = _peer(each)
            if peer is None:
                listening.append(each.getsockname()[1])
            elif len(connections) < _CONNECTIONS:
                out = _queued(each, TIOCOUTQ) if TIOCOUTQ else 0
                waiting = _queued(each, termios.FIONREAD)
                connections.append({"peer": peer, "out": out, "in": waiting})
        except (OSError, ValueError):  # it is closed, or not bound
            continue
    return {"listening": listening, "sockets": connections}


def _peer(each: socket.socket) -> int | None:
    """The peer's port; None for a socket that waits for anybody."""
    if each.type == socket.SOCK_DGRAM:
        return None
    if each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return None
    port: int = each.getpeername()[1]
    return port


def _queued(each: socket.socket, request: int) -> int:
    answer = fcntl.ioctl(each.fileno(), request, b"\0\0\0\0")
    number: int = struct.unpack("i", answer)[0]
    return number


def _memory() -> int:
    """Bytes of memory that this process has resident. 0 where that is not known."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _name(thread: threading.Thread, number: int) -> str:
    return "main" if thread is threading.main_thread() else thread.name or f"thread {number}"


def main() -> None:
    """Start the probe, then run the server as if this program was it."""
    descriptor, path = int(sys.argv[1]), os.path.abspath(sys.argv[2])
    sys.argv = [path, *sys.argv[3:]]
    sys.path[0] = os.path.dirname(path)
    probe = Probe(descriptor, path)
    threading.Thread(target=probe.run, name="probe", daemon=True).start()
    runpy.run_path(path, run_name="__main__")


if __name__ == "__main__":
    main()
