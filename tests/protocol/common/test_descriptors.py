"""The limit on open descriptors, on systems that refuse what they name as the most."""

import resource
from collections.abc import Iterator

import pytest

from protocol.common.descriptors import allow_descriptors


@pytest.fixture(autouse=True)
def own_limit() -> Iterator[None]:
    """What the test sets is over when it ends."""
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
    """What there is has to do."""
    _lower(256)
    _refuse_above(monkeypatch, 0)
    assert allow_descriptors() == 256


def test_what_there_is_does_not_get_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the limit lies above all that would be granted."""
    _lower(3500)
    _refuse_above(monkeypatch, 3000)
    assert allow_descriptors() == 3500
