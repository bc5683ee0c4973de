"""Logging to stderr: one line an event, as text or as JSON.

What clients send, their nicks above all, stands in these lines. None of it can begin a line of its
own or drive the terminal that shows it: control characters are written as escapes. As text, only
the lines of a traceback follow an event's own, and all but its heading are indented.

systemd's journal takes the level from before a line, and has a time and the program's name itself.
"""

import json
import logging
import os
import re
import sys
import threading
import time
import traceback
from types import TracebackType
from typing import Any, TextIO

import colorama

from chat_server.runtime.log_writer import LogWriter
from protocol.common.unsafe_characters import HIDDEN, MARKS, UNSAFE, escape

_COLOURS = {
    logging.DEBUG: colorama.Style.DIM,
    logging.WARNING: colorama.Fore.YELLOW,
    logging.ERROR: colorama.Fore.RED,
}

_UNSAFE = re.compile(rf"[\t\n{UNSAFE}{MARKS}{HIDDEN}]")

_LAYOUT = "%(asctime)s %(levelname)-7s %(message)s"

_PRIORITIES = {
    logging.DEBUG: 7,
    logging.INFO: 6,
    logging.WARNING: 4,
    logging.ERROR: 3,
    logging.CRITICAL: 2,
}
"""The journal's levels, which are syslog's: see sd-daemon(3)."""

_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; what else one has was given with `extra`."""


def set_up(level: str, stream: TextIO | LogWriter, *, as_json: bool = False) -> None:
    """Log everything of `level` and above to `stream`, uncaught exceptions too.

    Can be called again, to log in another way from then on.

    Args:
        level: debug, info, warning or error.
        stream: where to.
        as_json: one JSON object a line instead of text.
    """
    colours = stream.isatty() and not as_json
    if colours:
        colorama.just_fix_windows_console()
    journal = _is_journal(stream)
    layout = "%(message)s" if journal else _LAYOUT
    formatter = _JsonFormatter() if as_json else _TextFormatter(layout, colours=colours)
    handler = _Handler(stream)
    handler.setFormatter(_JournalFormatter(formatter) if journal else formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    threading.excepthook = _log_thread_exception
    sys.excepthook = _log_exception


def escaped(text: str) -> str:
    """Return `text` on one line, with escapes for what does not simply show."""
    if text.isprintable():  # nearly always, and a pattern takes half a page of the thread's stack
        return text
    return _UNSAFE.sub(escape, text)


def _is_journal(stream: TextIO | LogWriter) -> bool:
    """Whether systemd's journal reads what is written there."""
    journal = os.environ.get("JOURNAL_STREAM")
    if journal is None:
        return False
    try:
        found = os.fstat(stream.fileno())
    except OSError:  # of a stream that is no file, too
        return False
    return journal == f"{found.st_dev}:{found.st_ino}"


class _Handler(logging.StreamHandler[TextIO | LogWriter]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        # Logging would write more, and by itself: it would wait for a full pipe.
        if not isinstance(sys.exc_info()[1], MemoryError):
            super().handleError(record)


class _TextFormatter(logging.Formatter):
    def __init__(self, layout: str, *, colours: bool) -> None:
        super().__init__(layout, "%Y-%m-%d %H:%M:%S")
        self._colours = colours

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        line = escaped(super().formatMessage(record))
        colour = _COLOURS.get(record.levelno) if self._colours else None
        return f"{colour}{line}{colorama.Style.RESET_ALL}" if colour else line

    def formatException(self, ei: Any) -> str:  # noqa: N802
        heading, *lines = super().formatException(ei).splitlines()
        return "\n".join([escaped(heading), *(f"  {escaped(line)}" for line in lines)])


class _JsonFormatter(logging.Formatter):
    """Members: time (UTC), level, logger, event, what was given with `extra`, exception."""

    def format(self, record: logging.LogRecord) -> str:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        shown: dict[str, object] = {
            "time": f"{seconds}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        for name, value in vars(record).items():
            if name not in _USUAL:
                shown.setdefault(name, value)
        if record.exc_info:
            shown["exception"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(shown, default=str)


class _JournalFormatter(logging.Formatter):
    """What another one makes of a record, each line with the level in front."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self._formatter = formatter

    def format(self, record: logging.LogRecord) -> str:
        priority = f"<{_PRIORITIES[record.levelno]}>"
        return priority + self._formatter.format(record).replace("\n", f"\n{priority}")


def _log_thread_exception(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread else "a thread"
    kind, value = args.exc_type, args.exc_value or args.exc_type()
    logging.getLogger(__name__).error(
        "%s ended by a mistake of the server's", name, exc_info=(kind, value, args.exc_traceback)
    )


def _log_exception(
    kind: type[BaseException], value: BaseException, at: TracebackType | None
) -> None:
    logging.getLogger(__name__).error(
        "the server ended by a mistake of its own", exc_info=(kind, value, at)
    )
