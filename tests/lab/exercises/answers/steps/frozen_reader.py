"""The answer to step 9: a member that does not read holds up nobody.

Each member has a queue with a bound, and a thread that sends from it. Nobody else ever waits for
its socket.
"""

import queue
import re
import socket
import sys
import threading

from frames import receive_frame, send_frame

QUEUE_LENGTH = 1000

lock = threading.Lock()  # guards members
members = {}  # name: Member


class Member:
    """One client: its connection, and what is still to be sent to it."""

    def __init__(self, connection):
        self.connection = connection
        self.queue = queue.Queue(QUEUE_LENGTH)

    def put(self, text):
        """Send a text soon. Close the connection if the member does not read."""
        try:
            self.queue.put_nowait(text)
        except queue.Full:
            self.close()

    def send(self):
        """The thread that sends."""
        try:
            while (text := self.queue.get()) is not None:
                send_frame(self.connection, text)
        except OSError:
            pass  # the thread that receives finds out, too

    def close(self):
        """End the connection, and both threads."""
        try:
            self.connection.shutdown(socket.SHUT_RDWR)  # wakes who waits in recv or sendall
        except OSError:
            pass  # the client was first
        try:
            self.queue.put_nowait(None)  # wakes who waits for the queue
        except queue.Full:
            pass  # then nobody waits for it


def tell_all(text):
    """Send a text to everybody."""
    with lock:
        for member in members.values():
            member.put(text)


def take_name(member, name):
    """Give a name to a client, and answer it. Return whether it was accepted."""
    with lock:
        if not re.fullmatch(rb"[a-zA-Z0-9]{1,20}", name):
            member.put(b"error bad name")
            return False
        if name in members:
            member.put(b"error taken")
            return False
        member.put(b"ok")
        members[name] = member
        return True


def enter(member):
    """Ask for names until one is accepted. Return it."""
    while True:
        name = receive_frame(member.connection)
        if take_name(member, name):
            return name


def leave(name):
    """Free a name, and tell everybody."""
    with lock:
        del members[name]
    tell_all(b"- " + name)


def serve(member, name):
    """Pass on each text of a member."""
    tell_all(b"+ " + name)
    while True:
        tell_all(name + b": " + receive_frame(member.connection))


def run(connection):
    """The thread of one client, which receives."""
    member = Member(connection)
    sender = threading.Thread(target=member.send)
    sender.start()
    name = None
    try:
        name = enter(member)
        serve(member, name)
    except (OSError, EOFError):
        pass  # this client is gone; the others are not
    if name is not None:
        leave(name)
    member.close()
    sender.join()
    connection.close()


def main():
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=run, args=(connection,)).start()


if __name__ == "__main__":
    main()
