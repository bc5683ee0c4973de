"""The answer to step 11: several rooms, each with its own members and its own numbers.

One lock for all rooms: who moves is in exactly one of them, and no two locks can be taken in two
orders.
"""

import re
import socket
import sys
import threading

from frames import receive_frame
from frozen_reader import Member

lock = threading.Lock()  # guards names and rooms, and decides the order in each room
names = {}  # name: Member
rooms = {}  # name: Room


class Room:
    """Its members, and the number of its last message."""

    def __init__(self):
        self.members = {}  # name: Member
        self.last_number = 0

    def put_all(self, text):
        """Put a text into the queue of every member, with the lock held."""
        for member in self.members.values():
            member.put(text)


def room_of(name):
    """Return the room in which a member is, with the lock held."""
    return next(room for room in rooms.values() if name in room.members)


def go_in(name, room_name):
    """Put a member into a room, with the lock held."""
    room = rooms.setdefault(room_name, Room())
    room.members[name] = names[name]
    room.put_all(b"+ " + name)


def go_out(name):
    """Take a member out of its room, with the lock held."""
    room = room_of(name)
    del room.members[name]
    room.put_all(b"- " + name)


def good(name):
    """Whether this may be the name of a member or a room."""
    return re.fullmatch(rb"[a-zA-Z0-9]{1,20}", name)


def take_name(member, name):
    """Give a name to a client, and answer it. Return whether it was accepted."""
    with lock:
        if not good(name):
            member.put(b"error bad name")
            return False
        if name in names:
            member.put(b"error taken")
            return False
        member.put(b"ok")
        names[name] = member
        go_in(name, b"lobby")
        return True


def leave(name):
    """Free a name, and tell the room."""
    with lock:
        go_out(name)
        del names[name]


def join(name, room_name):
    """Move a member to another room."""
    with lock:
        if not good(room_name):
            names[name].put(b"error bad room")
            return
        go_out(name)
        go_in(name, room_name)


def who(name):
    """Answer who is in the member's room."""
    with lock:
        names[name].put(b"who " + b" ".join(sorted(room_of(name).members)))


def say(name, text):
    """Give a message its number, and put it into the queues in the same step."""
    with lock:
        room = room_of(name)
        room.last_number += 1
        room.put_all(b"%d %s: %s" % (room.last_number, name, text))


def handle(name, text):
    """Do what a member has sent."""
    command, _, rest = text.partition(b" ")
    if not text.startswith(b"/"):
        say(name, text)
    elif command == b"/join":
        join(name, rest)
    elif command == b"/who":
        who(name)
    else:
        names[name].put(b"error unknown command")


def enter(member):
    """Ask for names until one is accepted. Return it."""
    while True:
        name = receive_frame(member.connection)
        if take_name(member, name):
            return name


def serve(member, name):
    """Do what a member sends."""
    while True:
        handle(name, receive_frame(member.connection))


def run(connection):
    """The thread of one client, which receives."""
    member = Member(connection)
    sender = threading.Thread(target=member.send)
    sender.start()
    name = None
    try:
        name = enter(member)
        serve(member, name)
    except (OSError, EOFError, ValueError):
        pass  # this client is gone, or breaks the rules; the others go on
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
