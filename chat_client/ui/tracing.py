"""`--trace`: shows the frames of a run, or keeps them in a file."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chat_client.config import streams
from chat_client.display.text import one_line
from chat_client.display.trace_lines import trace_lines
from chat_client.errors import SettingError
from chat_client.files.trace_file import NotATraceError, Traced, TraceFile
from chat_client.transport.trace import Trace
from chat_client.version import CLIENT

SHOWN = ""
"""The value of `--trace` without a FILE: the frames are shown and not kept."""

_LOOKS_LIKE_A_SERVER = re.compile(
    r"localhost|\[.*\](:[0-9]+)?|[^/\\]+:[0-9]{1,5}|[0-9]{1,3}(\.[0-9]{1,3}){3}|\w+://.*"
)


@contextmanager
def tracing(wanted: str | None) -> Iterator[Trace | None]:
    """Trace frames while the block runs.

    Args:
        wanted: the file to keep the trace in; SHOWN to show it on stderr; None for no trace.

    Raises:
        SettingError: the file cannot be written, or holds something else than a trace.
    """
    if wanted is None:
        yield None
    elif wanted == SHOWN:
        with Trace(_tell) as trace:
            yield trace
    else:
        file = _opened(wanted)
        try:
            with Trace(_keeper(file, wanted)) as trace:
                yield trace
        finally:
            file.close()


def mistaken_server(wanted: str | None) -> bool:
    """Return whether what stands behind `--trace` looks like a server, and not like a file."""
    return bool(wanted and _LOOKS_LIKE_A_SERVER.fullmatch(wanted) and not Path(wanted).exists())


def _tell(traced: Traced) -> None:
    streams.tell("\n".join(trace_lines(traced)))


def _opened(name: str) -> TraceFile:
    try:
        return TraceFile(Path(name), CLIENT, time.time())
    except NotATraceError as error:
        raise SettingError(f"--trace: {error}. Name another file") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingError(f"--trace: {name!r} cannot be written: {reason}") from None


def _keeper(file: TraceFile, name: str) -> Callable[[Traced], None]:
    """Return a function that adds to the file until a write fails."""
    failed = False

    def keep(traced: Traced) -> None:
        nonlocal failed
        if failed:
            return
        try:
            file.add(traced)
        except OSError as error:
            failed = True
            why = error.strerror or error
            streams.tell(f"chat-client: the trace ends here: {one_line(name)} ({why})")

    return keep
