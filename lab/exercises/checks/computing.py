"""The exercise on the GIL: a server that answers while it computes.

The check decides by the order of the answers. How long a job takes differs from server to
server, so it is measured first, and the jobs of the check are as long as that says.
"""

import random
import threading
import time
from collections.abc import Callable, Sequence

from lab.exercises.peer import Peer, Wrong, shown
from lab.exercises.target import Target

_PRIMES = (32719, 32749)
_MODULUS = _PRIMES[0] * _PRIMES[1]  # below 2**30: products fit into 64 bits in every language
_ORDER = (_PRIMES[0] - 1) * (_PRIMES[1] - 1)  # of the numbers that a job may start with

_FIRST, _MOST = 1 << 17, 1 << 32  # squarings
_LONG = 0.5  # seconds that a long job takes alone, at least
_LONGER = (1, 4, 16)  # times that: on a busy machine an answer takes longer
_ANSWERS = 10  # during a job
_BEGINS = 0.1  # seconds in which a server begins with a job that it has read
_BETWEEN = 0.02  # seconds between two answers
_AT_ONCE = 3
_PATIENCE = 8.0  # times the usual patience: several jobs share two processors

_Ask = Callable[[], tuple[Peer, str]]  # returns who asked, and what


class _Jobs:
    """Jobs that nobody can do without computing, but whoever knows the factors of the modulus."""

    def __init__(self) -> None:
        self._random = random.Random(11)

    def job(self, squarings: int) -> tuple[str, bytes]:
        """Return a request, and its answer."""
        start = self._random.randrange(2, _MODULUS)
        while any(start % prime == 0 for prime in _PRIMES):
            start += 1
        # Euler's theorem: the exponent counts modulo the order.
        result = pow(start, pow(2, squarings, _ORDER), _MODULUS)
        return f"square {start} {squarings} {_MODULUS}\n", b"%d\n" % result


def check_computing(target: Target) -> None:
    """Pings and short jobs are answered while long jobs run."""
    jobs = _Jobs()
    with target.paragraph("Two kinds of lines"):
        first = _client(target, 1)
        _ping(first)
        for squarings in (0, 1, 5, 1000):
            _asked(first, *jobs.job(squarings))
        length = _long_enough(first, jobs)
    with target.paragraph("A ping does not wait for a job"):
        second = _client(target, 2)
        _answered_during_jobs(jobs, [first], length, lambda: _ping(second))
    with target.paragraph("Who comes meanwhile is served"):
        _answered_during_jobs(jobs, [first], length, lambda: _ping_and_leave(_client(target, 3)))
    with target.paragraph("A short job does not wait for a long one"):
        _answered_during_jobs(jobs, [first], length, lambda: _asked(second, *jobs.job(1000)))
    with target.paragraph("Several jobs at once"):
        more = [_client(target, number) for number in range(4, 3 + _AT_ONCE)]
        _answered_during_jobs(jobs, [first, *more], length, lambda: _ping(second))


def _client(target: Target, number: int) -> Peer:
    client = target.connect(f"client {number}")
    client.patience = _PATIENCE
    return client


def _asked(client: Peer, request: str, answer: bytes) -> tuple[Peer, str]:
    client.send(request.encode())
    client.expect(answer)
    return client, request


def _ping(client: Peer) -> tuple[Peer, str]:
    return _asked(client, "ping\n", b"pong\n")


def _ping_and_leave(client: Peer) -> tuple[Peer, str]:
    with client:  # a server may have threads for only some clients
        return _ping(client)


def _long_enough(client: Peer, jobs: _Jobs) -> int:
    """Return how many squarings take this server long."""
    squarings = _FIRST
    while squarings < _MOST:
        start = time.monotonic()
        _asked(client, *jobs.job(squarings))
        if time.monotonic() - start >= _LONG:
            break
        squarings *= 2
    return squarings


def _begin(client: Peer, job: tuple[str, bytes]) -> None:
    client.send(job[0].encode(), "sent a long job")
    client.wait_until_read()
    _pause(_BEGINS)


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)


def _answered_during_jobs(jobs: _Jobs, busy: Sequence[Peer], length: int, ask: _Ask) -> None:
    """Expect several answers, one after the other, before the first of some jobs is done.

    Where answers wait for jobs, longer jobs do not help. One answer alone would show little: a
    server that was late to begin with the jobs has time for it.

    Args:
        jobs: makes the jobs.
        busy: the clients whose jobs run.
        length: how many squarings take long.
        ask: asks for one answer, and reads it.
    """
    for factor in _LONGER:
        given = [jobs.job(length * factor) for _ in busy]
        for each, job in zip(busy, given, strict=True):
            _begin(each, job)
        for _ in range(_ANSWERS):
            client, request = ask()
            early = [each for each in busy if each.has_answer]
            if early:
                break
            _pause(_BETWEEN)
        for each, (_, answer) in zip(busy, given, strict=True):
            each.expect(answer)
        if not early:
            return
    raise _too_late(client, request, early[0])


def _too_late(client: Peer, request: str, busy: Peer) -> Wrong:
    return Wrong(
        f"the answer to {client.name}, who sent {shown(request.encode())} while {busy.name}'s long "
        "job ran, came when that job was done",
        "an answer before that",
    )
