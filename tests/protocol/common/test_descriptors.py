"""The limit on open descriptors, where systems refuse their own; and closed standard streams."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator

import pytest

from protocol.common.descriptors import allow_descriptors
from tests.support.servers import ROOT


@pytest.fixture(autouse=True)
def own_limit() -> Iterator[None]:
    """The end of the test restores what it sets."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def _lower(soft: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4096:
        pytest.skip(f"this user may have {hard} descriptors at most")
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _refuse_above(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Let the system say of greater numbers what macOS says."""
    allowed = resource.setrlimit

    def setrlimit(what: int, limits: tuple[int, int]) -> None:
        if limits[0] == resource.RLIM_INFINITY or limits[0] > most:
            raise ValueError("current limit exceeds maximum limit")
        allowed(what, limits)

    monkeypatch.setattr(resource, "setrlimit", setrlimit)


def test_as_far_as_the_hard_limit() -> None:
    """Which stays as it is."""
    _lower(256)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert allow_descriptors() == (None if hard == resource.RLIM_INFINITY else hard)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)


def test_where_the_hard_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A smaller one is taken, and nothing fails."""
    _lower(256)
    _refuse_above(monkeypatch, 3000)
    assert allow_descriptors() == 2048


def test_where_nothing_is_granted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server goes on with the limit that it has."""
    _lower(256)
    _refuse_above(monkeypatch, 0)
    assert allow_descriptors() == 256


def test_what_there_is_does_not_get_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the limit lies above all that would be granted."""
    _lower(3500)
    _refuse_above(monkeypatch, 3000)
    assert allow_descriptors() == 3500


FILL = """
import os, sys
for number in map(int, sys.argv[1]):
    os.close(number)
    setattr(sys, ("stdin", "stdout", "stderr")[number], None)
from protocol.common.descriptors import fill_standard_streams
fill_standard_streams()
assert os.open(os.devnull, os.O_RDONLY) > 2
assert "0" not in sys.argv[1] or os.read(0, 1) == b""
print("gone", file=sys.stderr)
try:
    print("hi", flush=True)
except OSError:
    os._exit(1)
"""


@pytest.mark.parametrize(("closed", "code"), [("", 0), ("0", 0), ("2", 0), ("1", 1), ("012", 1)])
def test_closed_streams_are_nobody_elses(closed: str, code: int) -> None:
    """Their numbers are taken; what cannot be printed is an error, what stderr gets is gone."""
    done = subprocess.run(
        [sys.executable, "-c", FILL, closed], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == code
    assert done.stdout == ("" if code else "hi" + os.linesep)
    assert done.stderr == ("" if "2" in closed else "gone" + os.linesep)
