"""The answer to step 10: each message has a number, and everybody sees the same order."""

import re
import socket
import sys
import threading

from frames import receive_frame
from frozen_reader import Member

lock = threading.Lock()  # guards members and last_number, and decides the order for everybody
members = {}  # name: Member
last_number = 0


def put_all(text):
    """Put a text into everybody's queue, with the lock held."""
    for member in members.values():
        member.put(text)


def say(name, text):
    """Give a message its number, and put it into everybody's queue in the same step."""
    global last_number
    with lock:
        last_number += 1
        put_all(b"%d %s: %s" % (last_number, name, text))


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
        put_all(b"+ " + name)
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
        put_all(b"- " + name)


def serve(member, name):
    """Pass on each text of a member."""
    while True:
        say(name, receive_frame(member.connection))


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
