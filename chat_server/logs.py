"""Logging to stderr: one line an event, coloured by level where somebody looks at it."""

import logging
import threading
from typing import TextIO

import colorama

_COLOURS = {
    logging.DEBUG: colorama.Style.DIM,
    logging.WARNING: colorama.Fore.YELLOW,
    logging.ERROR: colorama.Fore.RED,
}


def set_up(level: str, stream: TextIO) -> None:
    """Log everything of `level` and above to `stream`, uncaught exceptions of threads too."""
    if stream.isatty():
        colorama.just_fix_windows_console()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Formatter(colours=stream.isatty()))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    threading.excepthook = _log_thread_exception


class _Formatter(logging.Formatter):
    def __init__(self, *, colours: bool) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S")
        self._colours = colours

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        colour = _COLOURS.get(record.levelno) if self._colours else None
        return f"{colour}{line}{colorama.Style.RESET_ALL}" if colour else line


def _log_thread_exception(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread else "a thread"
    kind, value = args.exc_type, args.exc_value or args.exc_type()
    logging.getLogger(__name__).error(
        "%s ended by a mistake of the server's", name, exc_info=(kind, value, args.exc_traceback)
    )
