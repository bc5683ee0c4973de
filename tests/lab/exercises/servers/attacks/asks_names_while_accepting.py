"""Wrong: the thread that accepts waits for the name, and with it everybody who comes later."""

import socket
import sys
import threading

import attacks
import rooms

run = rooms.run


def main():
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
        while True:
            connection, _ = listener.accept()
            connection.recv(1, socket.MSG_PEEK)
            threading.Thread(target=run, args=(connection,)).start()


assert attacks.LONGEST
rooms.main = main
rooms.main()
