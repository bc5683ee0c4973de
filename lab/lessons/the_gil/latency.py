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


def count(started, stopping):
    """Python code: the interpreter is handed on every 5 ms (sys.getswitchinterval)."""
    started.set()
    while not stopping.is_set():
        sum(range(1000))


def call(started, stopping):
    """A long call in C: it is handed on when the call is over."""
    started.set()
    while not stopping.is_set():
        math.factorial(60_000)


def answer(ours):
    while data := ours.recv(1):
        ours.sendall(data)


def latencies():
    ours, theirs = socketpair()
    threading.Thread(target=answer, args=(theirs,), daemon=True).start()
    found = []
    until = time.monotonic() + SECONDS
    while time.monotonic() < until or not found:
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
    rows = [("nothing", latencies())]
    for title, worker, event, work in (
        ("a thread in Python code", threading.Thread, threading.Event, count),
        ("a thread in one long call", threading.Thread, threading.Event, call),
        ("a process in one long call", spawn.Process, spawn.Event, call),
    ):
        started, stopping = event(), event()
        other = worker(target=work, args=(started, stopping))
        other.start()
        started.wait()
        rows.append((title, latencies()))
        stopping.set()
        other.join()
    shown = [
        [version, title, f"{len(found):,}", f"{statistics.median(found):.2f}", f"{max(found):.0f}"]
        for title, found in rows
    ]
    print(json.dumps(shown))
