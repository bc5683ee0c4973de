"""The attacks through every other door: IRC, lines, WebSocket, HTTP; and what the operator does."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from tests.attacks.attack import (
    TEXTS,
    Ask,
    Attack,
    Connect,
    Enter,
    Raw,
    nick_of,
    room_of,
)
from tests.support.peer import Peer, pack
from tests.support.web import PING, TEXT, frame, get, upgrade

CLIENTS = (1, 50)

WAITING = 20.0
"""Seconds for each answer while an attacker comes in."""


# -- coming in


def enter_irc(connected: socket.socket, nick: str, rooms: list[str]) -> None:
    """Register, and join rooms."""
    joins = "".join(f"JOIN #{room}\r\n" for room in rooms)
    connected.sendall(f"NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n{joins}".encode())
    _read_until(connected, b" 366 " if rooms else b" 001 ", len(rooms) or 1)


def enter_lines(connected: socket.socket, nick: str, rooms: list[str]) -> None:
    """Give a nick, and go into the last of the rooms."""
    connected.sendall(f"{nick}\n".encode())
    _read_until(connected, nick.encode())
    for room in rooms:
        connected.sendall(f"/join {room}\n".encode())
        _read_until(connected, room.encode())


def enter_websocket(connected: socket.socket, nick: str, rooms: list[str]) -> None:
    """Shake hands, say hello, and join rooms."""
    connected.sendall(upgrade())
    _read_until(connected, b"\r\n\r\n")
    connected.sendall(_message({"type": "hello", "version": 1, "nick": nick}))
    _read_until(connected, b'"welcome"')
    for number, room in enumerate(rooms, 1):
        connected.sendall(_message({"type": "join", "id": number, "room": room}))
        _read_until(connected, b'"re":')


def enter_http(_: socket.socket, __: str, ___: list[str]) -> None:
    """There is nothing to say first."""


def _read_until(connected: socket.socket, end: bytes, times: int = 1) -> None:
    connected.settimeout(WAITING)
    found = b""
    while found.count(end) < times:
        data = connected.recv(65536)
        if not data:
            raise ConnectionResetError("not let in")
        found += data


# -- what is sent


def _message(members: dict[str, object]) -> bytes:
    return frame(TEXT, json.dumps(members).encode())


def _in_pieces(attacker: int, number: int) -> bytes:
    """A text of a hundred frames of a few bytes."""
    told = {"type": "say", "id": 1000 + number, "room": room_of(attacker, 0), "text": "x" * 400}
    payload = json.dumps(told).encode()
    size = 1 + len(payload) // 100
    pieces = [payload[at : at + size] for at in range(0, len(payload), size)]
    first, *middle, last = pieces
    return b"".join(
        [
            frame(TEXT, first, fin=False),
            *(frame(0, piece, fin=False) for piece in middle),
            frame(0, last),
        ]
    )


def _over_websocket(ask: Ask) -> Raw:
    return lambda a, n: _message({"id": 1000 + n, **ask(a, n)})


def _cut(text: str, size: int) -> str:
    """As much of a text as so many bytes hold."""
    return text.encode()[:size].decode(errors="ignore")


def _irc(line: str) -> Raw:
    """A line, in which `{room}`, `{nick}` and `{n}` stand for the attacker's own."""
    return lambda a, n: (
        line.format(room=room_of(a, 0), nick=nick_of(a), other=room_of(a, n % 99), n=n) + "\r\n"
    ).encode()


def _line(line: str) -> Raw:
    """The same for `nc`."""
    return lambda a, n: (
        line.format(room=room_of(a, 0), nick=nick_of(a), other=room_of(a, n % 99), n=n) + "\n"
    ).encode()


_IRC: dict[str, tuple[str, int]] = {
    **{f"say-{name}": (f"PRIVMSG #{{room}} :{_cut(text, 400)}", 1) for name, text in TEXTS.items()},
    "tell": ("PRIVMSG {nick} :psst", 1),
    "join": ("JOIN #{other}", 10),
    "part": ("PART #{room}\r\nJOIN #{room}", 11),
    "ping": ("PING :{n}", 1),
    "names": ("NAMES #{room}", 1),
    "list": ("LIST", 20),
    "who": ("WHO #{room}", 1),
    "whois": ("WHOIS {nick}", 1),
    "history": ("CHATHISTORY LATEST #{room} * 100", 1),
    "topic": ("TOPIC #{room} :{n}", 1),
    "nick": ("NICK n{nick}x{n}", 22),
    "poll": ("POLL #{room} :Tea? / yes / no", 20),
    "nonsense": ("X" * 400, 1),
}
"""Lines, and for how many requests each counts."""

_LINES: dict[str, tuple[str, int]] = {
    **{f"say-{name}": (text, 1) for name, text in TEXTS.items()},
    "tell": ("/msg {nick} psst", 1),
    "join": ("/join {other}", 10),
    "who": ("/who", 20),
    "rooms": ("/rooms", 20),
    "topic": ("/topic {n}", 1),
    "edit": ("/edit {n}", 10),
    "nonsense": ("/nonsense", 1),
}


def _say(text: str) -> Ask:
    return lambda a, _: {"type": "say", "room": room_of(a, 0), "text": text}


_WEBSOCKET: dict[str, tuple[Raw, int]] = {
    **{f"say-{name}": (_over_websocket(_say(text)), 1) for name, text in TEXTS.items()},
    "join": (_over_websocket(lambda a, n: {"type": "join", "room": room_of(a, n % 99)}), 10),
    "ping": (_over_websocket(lambda *_: {"type": "ping"}), 1),
    "control-ping": (lambda *_: frame(PING, b"x" * 125), 1),
    "in-pieces": (_in_pieces, 1),
}

_HTTP: dict[str, tuple[Raw, int]] = {
    "page": (lambda *_: get("/"), 1),
    "head": (lambda *_: get("/", method="HEAD"), 1),
    "none": (lambda _, n: get(f"/nothing/{n}"), 1),
    "code": (lambda _, n: get("/qr.svg", f"localhost:{1 + n % 60_000}"), 1),
    "wheel": (lambda *_: get("/dist/"), 1),
    "file": (lambda *_: get("/files/" + "0" * 32 + "/a.txt"), 1),
}


# -- files

SIZE = 1_000_000
"""Bytes of a file."""


def _upload(connect: Connect, attacker: int, stopping: threading.Event) -> None:
    """Offer a file, send it, and take it back, again and again."""
    with _talker(connect, attacker) as peer:
        while not stopping.is_set():
            path = _send_file(connect, peer, attacker)
            if path is not None:
                with closing(connect()) as web:
                    web.sendall(get(path, method="DELETE"))
                    _read_until(web, b"\r\n\r\n")


def _download(connect: Connect, attacker: int, stopping: threading.Event) -> None:
    """Share a file, and fetch it again and again."""
    with _talker(connect, attacker) as peer:
        upload = None
        while upload is None and not stopping.is_set():
            upload = _send_file(connect, peer, attacker)
        assert upload is not None
        number = upload.split("/")[2]
        peer.ok("share", room=room_of(attacker, 0), file=number)
        with closing(connect()) as web:
            while not stopping.is_set():
                web.sendall(get(f"/files/{number}/a.bin"))
                _read_until(web, b"\r\n\r\n")
                web.settimeout(WAITING)
                left = SIZE - 200_000  # the rest comes with the next head
                while left > 0 and (data := web.recv(262_144)):
                    left -= len(data)


@contextmanager
def _talker(connect: Connect, attacker: int) -> Iterator[Peer]:
    with closing(connect()) as connected:
        peer = Peer(connected)
        peer.hello(nick_of(attacker))
        peer.join(room_of(attacker, 0))
        yield peer


def _send_file(connect: Connect, peer: Peer, attacker: int) -> str | None:
    """Offer a file and send it. Return where it was sent to; None if it was not taken."""
    offered = peer.request("offer", room=room_of(attacker, 0), name="a.bin", size=SIZE)
    if offered["type"] != "ok":
        time.sleep(min(1.0, offered.get("retry_after", 0.1)))
        return None
    with closing(connect()) as web:
        head = get(offered["upload"], method="PUT", Content_Length=str(SIZE))
        web.sendall(head + b"x" * SIZE)
        _read_until(web, b"\r\n\r\n")
    upload: str = offered["upload"]
    return upload


def by_other_doors() -> Iterator[Attack]:
    """Yield what is tried through each door, steadily, by one and by fifty."""
    for clients in CLIENTS:
        for name, (line, cost) in _IRC.items():
            yield _through("irc", name, clients, _irc(line), enter_irc, cost, rooms=1)
        for name, (line, cost) in _LINES.items():
            yield _through("lines", name, clients, _line(line), enter_lines, cost, rooms=1)
        for name, (raw, cost) in _WEBSOCKET.items():
            yield _through("websocket", name, clients, raw, enter_websocket, cost, rooms=1)
        for name, (raw, cost) in _HTTP.items():
            yield _through("http", name, clients, raw, enter_http, cost, rooms=0)
        yield _storm("irc", clients, _irc("NICK {nick}x{n}\r\nUSER a 0 * :a"))
        yield _storm("lines", clients, _line("{nick}x{n}"))
        yield _storm("websocket", clients, lambda *_: upgrade())
        yield _storm("http", clients, lambda *_: get("/"))
        yield _storm("half-frames", clients, lambda *_: pack(b"x" * 60_000)[:30_000])
        for visit, name in ((_upload, "uploads"), (_download, "downloads")):
            yield Attack(f"files:{name}-{clients}", clients, None, "files", visit=visit)


def by_the_operator() -> Iterator[Attack]:
    """Yield what a teacher does at the server's own machine, while a class talks.

    What there is to read was said by an attacker before.
    """
    data = ("--data", "{data}")
    commands = {
        "export": ("export", *data, "--room", "{room}", "-o", "{out}.txt"),
        "attendance": ("attendance", *data, "--room", "{room}"),
        "audit": ("audit", *data),
        "backup": ("backup", *data, "{out}"),
        "class-list": ("class", "add", *data, "{names}"),
        "status": ("status", *data),
        "top": ("top", *data),
    }
    for name, command in commands.items():
        yield Attack(f"operator:{name}", 1, None, "operator", rooms=1, command=command)


def _through(
    door: str, name: str, clients: int, raw: Raw, enter: Enter, cost: int, rooms: int
) -> Attack:
    return Attack(
        f"{door}:{name}-{clients}",
        clients,
        None,
        door,
        cost=cost,
        rooms=rooms,
        replied=False,
        raw=raw,
        enter=enter,
    )


def _storm(door: str, clients: int, raw: Raw) -> Attack:
    return Attack(
        f"{door}:storm-{clients}",
        clients,
        None,
        f"{door}-storm",
        raw=raw,
        enter=enter_http,
        storm=True,
    )
