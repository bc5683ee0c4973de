"""Wrong: the next line is sent when the one before it has come back."""

import time

import load_tester


def seconds_of_each(connection, rate, count):
    start = time.monotonic()
    answers = connection.makefile("rb")
    took = []
    for number in range(count):
        load_tester.wait_until(start + number / rate)
        sent = time.monotonic()
        connection.sendall(b"%d\n" % number)
        answers.readline()
        took.append(time.monotonic() - sent)
    return took


load_tester.seconds_of_each = seconds_of_each
load_tester.main()
