"""A thread answers another one over a socket pair, while something computes beside them."""

import json
import math
import multiprocessing
import statistics
import sys
import sysconfig
import threading
import time
from socket import socketpair

SECONDS = 1.5


def count(stop_at):
    """Python code: the interpreter is handed on every 5 ms (sys.getswitchinterval)."""
    while time.monotonic() < stop_at:
        sum(range(1000))


def call(stop_at):
    """A long call in C: it is handed on when the call is over."""
    while time.monotonic() < stop_at:
        math.factorial(60_000)


def answer(ours):
    while data := ours.recv(1):
        ours.sendall(data)


def latencies(until):
    ours, theirs = socketpair()
    threading.Thread(target=answer, args=(theirs,), daemon=True).start()
    found = []
    while time.monotonic() < until:
        start = time.monotonic()
        ours.sendall(b"x")
        ours.recv(1)
        found.append(1000 * (time.monotonic() - start))
        time.sleep(0.001)
    ours.close()
    return found


if __name__ == "__main__":
    without_gil = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    version = f"{sys.version_info[0]}.{sys.version_info[1]}, {'no GIL' if without_gil else 'GIL'}"
    spawn = multiprocessing.get_context("spawn")
    rows = []
    for title, worker, work in (
        ("nothing", None, None),
        ("a thread in Python code", threading.Thread, count),
        ("a thread in one long call", threading.Thread, call),
        ("a process in one long call", spawn.Process, call),
    ):
        until = time.monotonic() + SECONDS
        other = worker(target=work, args=(until,)) if worker else None
        if other:
            other.start()
        found = latencies(until)
        if other:
            other.join()
        rows.append([version, title, f"{statistics.median(found):.2f}", f"{max(found):.0f}"])
    print(json.dumps(rows))
