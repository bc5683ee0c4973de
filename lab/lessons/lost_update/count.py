"""Four threads add to one number in three ways. Prints how many of their updates were lost."""

import json
import os
import sys
import sysconfig
import threading

THREADS, EACH = 4, 50_000
number = 0


def plain():
    global number
    for _ in range(EACH):
        number += 1


def with_a_call():
    """The call lets other threads run, as each call does that waits: print, recv, sleep."""
    global number
    for _ in range(EACH // 100):
        before = number
        os.stat("/")
        number = before + 1


def with_a_lock():
    global number
    for _ in range(EACH):
        with lock:
            number += 1


lock = threading.Lock()
without_gil = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
version = f"{sys.version_info[0]}.{sys.version_info[1]}, {'no GIL' if without_gil else 'GIL'}"
rows = []
for work, code, total in (
    (plain, "number += 1", THREADS * EACH),
    (with_a_call, "before = number; os.stat('/'); number = before + 1", THREADS * (EACH // 100)),
    (with_a_lock, "with lock: number += 1", THREADS * EACH),
):
    number = 0
    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows.append([version, code, f"{total - number:,} of {total:,}"])
print(json.dumps(rows))
