"""The answer to step 8: everybody hears who comes and who leaves."""

import re
import socket
import sys
import threading

from frames import receive_frame, send_frame

lock = threading.Lock()  # guards members, and keeps two threads from sending on one socket
members = {}  # name: connection


def tell_all(text):
    """Send a text to everybody who is still there."""
    with lock:
        for connection in members.values():
            try:
                send_frame(connection, text)
            except OSError:
                pass  # its own thread finds out, and tells the others


def take_name(connection, name):
    """Give a name to a client. Return what to answer."""
    if not re.fullmatch(rb"[a-zA-Z0-9]{1,20}", name):
        return b"error bad name"
    with lock:
        if name in members:
            return b"error taken"
        members[name] = connection
        send_frame(connection, b"ok")  # under the lock: before anybody's text
    return b"ok"


def enter(connection):
    """Ask for names until one is accepted. Return it."""
    while True:
        name = receive_frame(connection)
        answer = take_name(connection, name)
        if answer == b"ok":
            return name
        send_frame(connection, answer)


def leave(name):
    """Free a name, and tell everybody."""
    with lock:
        del members[name]
    tell_all(b"- " + name)


def serve(connection, name):
    """Pass on each text of a member."""
    tell_all(b"+ " + name)
    while True:
        tell_all(name + b": " + receive_frame(connection))


def run(connection):
    """The thread of one client."""
    name = None
    with connection:
        try:
            name = enter(connection)
            serve(connection, name)
        except (OSError, EOFError):
            pass  # this client is gone; the others are not
        if name is not None:
            leave(name)


def main():
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=run, args=(connection,)).start()


if __name__ == "__main__":
    main()
