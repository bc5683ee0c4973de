"""A client written from docs/protocol.md alone: python minimal_client.py HOST PORT NICK ROOM"""

import contextlib
import itertools
import json
import os
import queue
import socket
import struct
import sys
import threading

host, port, nick, room = sys.argv[1:]
connection = socket.create_connection((host, int(port)))
sending = threading.Lock()
replies: queue.SimpleQueue[str] = queue.SimpleQueue()


def send(**frame: object) -> None:
    payload = json.dumps(frame).encode()
    with sending:  # both threads send, one whole frame at a time
        connection.sendall(struct.pack("!I", len(payload)) + payload)


def ask(**request: object) -> bool:
    """Send a request and wait for its reply. Return whether it was done."""
    send(**request)
    return replies.get() != "error"


def listen() -> None:
    """Take all that the server sends, until it closes, and print what is said in the room."""
    stream, goodbye = connection.makefile("rb"), {"code": "", "text": "The connection is lost."}
    with contextlib.suppress(OSError, ValueError):  # reset, or cut within a frame
        while len(header := stream.read(4)) == 4:
            frame = json.loads(stream.read(*struct.unpack("!I", header)))
            if frame["type"] == "message":
                print(f"{frame['from']}: {frame['text']}", flush=True)
            elif frame["type"] == "ping":
                send(type="pong", re=frame["id"])
            elif frame["type"] in ("welcome", "ok", "error"):
                if frame["type"] == "error":
                    print(frame["text"], file=sys.stderr, flush=True)
                replies.put(frame["type"])
            elif frame["type"] == "goodbye":
                goodbye = frame  # types that are not known here are ignored
    if goodbye["code"] != "bye":
        print(goodbye["text"], file=sys.stderr, flush=True)
        os._exit(1)  # the other thread may wait for a line of stdin


threading.Thread(target=listen, name="listener").start()
ids = itertools.count(1)
if not (ask(type="hello", version=1, nick=nick) and ask(type="join", id=next(ids), room=room)):
    os._exit(1)  # the other thread waits for the server
for line in filter(str.strip, sys.stdin):
    ask(type="say", id=next(ids), room=room, text=line.rstrip("\n"))
send(type="bye", id=next(ids))
