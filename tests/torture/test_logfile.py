"""A traceback in the server's log is found, and nothing else is taken for one."""

from pathlib import Path

from tests.torture.logfile import errors, tracebacks

QUIET = "2026-11-20 15:00:00 INFO    ana came in from 127.0.0.1:1\n"
ERROR = "2026-11-20 15:00:01 ERROR   a reader waits for its history: disk I/O error\n"
CRASH = "Traceback (most recent call last):\n  File ...\nKeyError: 1\n"


def written(folder: Path, text: str) -> Path:
    log = folder / "server.log"
    log.write_text(text, encoding="utf-8")
    return log


def test_finds_a_traceback_with_the_line_before_it(tmp_path: Path) -> None:
    """The line before says in which thread it was."""
    (found,) = tracebacks(written(tmp_path, QUIET + ERROR + CRASH + QUIET))
    assert ERROR + CRASH in found


def test_finds_what_the_interpreter_says_when_it_crashes(tmp_path: Path) -> None:
    """That is no traceback of Python's."""
    assert tracebacks(written(tmp_path, "Fatal Python error: Segmentation fault\n"))


def test_finds_nothing_in_a_quiet_log(tmp_path: Path) -> None:
    """Errors that the server has dealt with are told, and are no violation by themselves."""
    log = written(tmp_path, QUIET + ERROR + QUIET)
    assert tracebacks(log) == []
    assert errors(log) == (1, [ERROR.strip()])
