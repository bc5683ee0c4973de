"""The answer to the exercise on computing: other processes compute, threads wait for them."""

import multiprocessing
import socket
import sys
import threading
from concurrent.futures import ProcessPoolExecutor

PROCESSES = 4


def square(start, times, modulus):
    """Square a number again and again, in one call."""
    return pow(start, 1 << times, modulus)


def compute(numbers):
    """Have another process compute. This thread waits, and lets others run."""
    return processes.submit(square, *numbers).result()


def answer(line):
    if line == b"ping":
        return b"pong"
    return b"%d" % compute([int(word) for word in line.split()[1:]])


def serve(connection):
    rest = b""
    while data := connection.recv(4096):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            connection.sendall(answer(line) + b"\n")


def run(connection):
    """The thread of one client."""
    with connection:
        try:
            serve(connection)
        except OSError:
            pass  # gone


def main():
    global processes
    processes = ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn"))
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=run, args=(connection,)).start()


if __name__ == "__main__":  # the processes of the pool read this file, too
    main()
