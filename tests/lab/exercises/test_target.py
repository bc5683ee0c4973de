"""The server under test: where it may listen, and how it is waited for."""

import socket
import sys
from pathlib import Path

import pytest

from lab.exercises.peer import Wrong
from lab.exercises.target import Limits, Target
from tests.lab.exercises.student_servers import GENEROUS
from tests.support.ports import free_port

LISTENS = (
    "import socket, sys; s = socket.create_server(({!r}, {port}), family=socket.{}); s.accept()"
)


def target(tmp_path: Path, program: str, limits: Limits = GENEROUS) -> Target:
    return Target([sys.executable, "-S", "-c", program], tmp_path, limits, free_port())


def test_the_port_is_put_in(tmp_path: Path) -> None:
    """Wherever it stands in an argument."""
    program = "import sys; print(sys.argv[1:])"
    words = [sys.executable, "-S", "-c", program, "--port={port}", "{port}{port}"]
    with Target(words, tmp_path, GENEROUS, 1234) as checked:
        checked.process.wait_for_end(20)
        assert "['--port=1234', '12341234']" in checked.process.printed


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", "AF_INET"), ("::1", "AF_INET6")])
def test_localhost_is_either(tmp_path: Path, host: str, family: str) -> None:
    """A server that listens at "localhost" may have taken the other address."""
    try:
        with socket.create_server((host, 0), family=getattr(socket, family)):
            pass
    except OSError:
        pytest.skip(f"this machine has no {host}")
    program = LISTENS.format(host, family, port="{port}")
    with target(tmp_path, program) as checked:
        client = checked.connect()
        client.expect_end()
        assert checked.process.wait_for_end(20) == "ended with exit code 0"


def test_who_ends_is_not_waited_for(tmp_path: Path) -> None:
    """The time for a start is much longer than this test may take."""
    with target(tmp_path, "0 / 0", Limits(start=1000)) as checked:
        with pytest.raises(Wrong, match="your server ended with exit code 1 before it listened"):
            checked.connect()
        assert "ZeroDivisionError" in checked.process.printed


def test_paragraphs_are_counted_once(tmp_path: Path) -> None:
    """And only those whose end was reached."""
    with target(tmp_path, "input()") as checked:
        for _ in range(2):
            with checked.paragraph("first"):
                pass
        with pytest.raises(Wrong, match="it went"), checked.paragraph("second"):
            raise Wrong("it went", "it")
        outcome = checked.failed(Wrong("it went wrong", "something else"))
    assert outcome.paragraphs == ("first",)
    assert outcome.heading == "second"
    assert outcome.sentence == (
        'It went wrong, but something else was expected: read "second" in README.md.'
    )
