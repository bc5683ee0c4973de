"""The command of a server that stands in for ours: it is started and stopped as ours is."""

import argparse
import signal
import socket
import sys
from types import FrameType


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """Return a parser of the options of our server that a benchmark gives.

    Args:
        description: of the server.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--data", help="ignored: nothing is kept when the server has ended")
    parser.add_argument("--no-limits", action="store_true", help="ignored: nothing is limited")
    return parser


def listen(host: str, port: int) -> socket.socket:
    """Listen, print the address, and end the process at SIGTERM from now on."""
    signal.signal(signal.SIGTERM, _exit)
    listener = socket.create_server((host, port), backlog=1024)
    print(f"listening on tcp://{host}:{listener.getsockname()[1]}", flush=True)
    return listener


def _exit(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)
