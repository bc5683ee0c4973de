"""Wrong: it sends when a line is due, but counts from when it has sent it."""

import threading
import time

import load_tester


def seconds_of_each(connection, rate, count):
    sent = []

    def send():
        start = time.monotonic()
        for number in range(count):
            load_tester.wait_until(start + number / rate)
            sent.append(time.monotonic())
            connection.sendall(b"%d\n" % number)

    threading.Thread(target=send).start()
    answers = connection.makefile("rb")
    took = []
    for number in range(count):
        answers.readline()
        took.append(time.monotonic() - sent[number])
    return took


load_tester.seconds_of_each = seconds_of_each
load_tester.main()
