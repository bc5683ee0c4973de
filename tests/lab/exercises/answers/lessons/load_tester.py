"""The answer to the exercise on measuring: a load tester with a timetable."""

import math
import socket
import sys
import threading
import time


def wait_until(moment):
    """Wait until a moment of the monotonic clock, not at all if it is over."""
    time.sleep(max(0, moment - time.monotonic()))


def send_when_due(connection, start, rate, count):
    """Send each line when it is due."""
    for number in range(count):
        wait_until(start + number / rate)
        connection.sendall(b"%d\n" % number)


def seconds_of_each(connection, rate, count):
    """Send the lines. Return how long each took, from when it was due."""
    start = time.monotonic()
    threading.Thread(target=send_when_due, args=(connection, start, rate, count)).start()
    answers = connection.makefile("rb")
    took = []
    for number in range(count):
        answers.readline()
        took.append(time.monotonic() - (start + number / rate))
    return took


def percentile(took, share):
    """Return the least time that this share of all times does not exceed."""
    return sorted(took)[math.ceil(share * len(took)) - 1]


def report(took):
    shares = (("p50", 0.5), ("p99", 0.99), ("max", 1))
    return " ".join(f"{name} {1000 * percentile(took, share):.3f}" for name, share in shares)


def measure(port, rate, count):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        return report(seconds_of_each(connection, rate, count))


def main():
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
        while True:
            connection, _ = listener.accept()
            with connection:
                for line in connection.makefile("r"):
                    _, port, rate, count = line.split()
                    connection.sendall(f"{measure(int(port), int(rate), int(count))}\n".encode())


if __name__ == "__main__":
    main()
