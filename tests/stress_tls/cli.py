"""The command line of the stress test."""

import argparse
import ssl
import sys

from tests.stress_tls import line, room

# Threads change places far more often than usual: 5 ms is the interpreter's own.
SWITCH_INTERVAL = 0.000_5


def main(arguments: list[str] | None = None) -> int:
    """Run it, print what came of it, and return the exit code: 1 if anything was wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.stress_tls",
        description="TLS in both directions at once, as fast as it goes, every byte checked.",
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="of each of the two runs (60)")
    options = parser.parse_args(arguments)
    sys.setswitchinterval(SWITCH_INTERVAL)
    print(f"CPython {sys.version.split()[0]}, {ssl.OPENSSL_VERSION}", flush=True)
    faults = 0
    for run in (line.run, room.run):
        outcome = run(options.seconds)
        print(outcome, flush=True)
        faults += len(outcome.faults)
    return int(bool(faults))
