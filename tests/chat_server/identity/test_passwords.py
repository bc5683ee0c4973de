"""Passwords: what is kept of them, and how many are hashed at once."""

import threading
from typing import Literal

import pytest
from argon2 import Parameters, PasswordHasher, extract_parameters
from argon2.low_level import Type
from argon2.profiles import CHEAPEST

from chat_server.identity import passwords
from chat_server.identity.passwords import AT_ONCE, Passwords, strong_hasher
from chat_server.runtime.errors import StoreError
from protocol.errors import Code, ProtocolError
from tests.support.waiting import DEADLINE


class Counting(PasswordHasher):
    """A real hasher that stops in each hash until it is let go, and counts who is in."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self._lock = threading.Lock()  # guards the counts
        self.inside = 0
        self.most = 0
        self.entered = threading.Semaphore(0)
        self.go_on = threading.Event()

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        """The same, between two counts."""
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.entered.release()
        self.go_on.wait(10)
        try:
            return super().verify(hash, password)
        finally:
            with self._lock:
                self.inside -= 1


@pytest.fixture
def cheap() -> Passwords:
    """Real ones, at no cost."""
    return Passwords(PasswordHasher.from_parameters(CHEAPEST))


def test_a_password_is_known_by_its_hash(cheap: Passwords) -> None:
    """Which says nothing of it, and is another one each time."""
    one, other = cheap.hash("open sesame"), cheap.hash("open sesame")
    assert one != other
    assert "sesame" not in one
    assert cheap.is_right(one, "open sesame")
    assert cheap.is_right(other, "open sesame")
    assert not cheap.is_right(one, "open Sesame")


def test_nobodys_password_is_never_right(cheap: Passwords) -> None:
    """But it is compared, with something that costs as much: see the next."""
    assert not cheap.is_right(None, "open sesame")


class Noting(PasswordHasher):
    """Notes what it compares with."""

    def __init__(self) -> None:
        super().__init__(time_cost=3, memory_cost=64, parallelism=1)
        self.compared: list[Parameters] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        """The same, and a note of the costs."""
        self.compared.append(extract_parameters(str(hash)))
        return super().verify(hash, password)


def test_nobodys_password_costs_as_much_as_somebodys() -> None:
    """The same work is done: the parameters are what the time depends on."""
    hasher = Noting()
    noted = Passwords(hasher)
    assert not noted.is_right(None, "open sesame")
    assert not noted.is_right(noted.hash("open sesame"), "open Sesame")
    assert len(hasher.compared) == 2
    assert hasher.compared[0] == hasher.compared[1]


def test_a_real_hash_is_argon2id_with_64_mib() -> None:
    """RFC 9106, 4: the second recommended choice, with one lane."""
    strong = strong_hasher()
    parameters = extract_parameters(strong.hash("open sesame"))
    assert parameters.type is Type.ID
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (65536, 3, 1)
    assert parameters.salt_len >= 16


def test_a_hash_of_another_cost_is_outdated(cheap: Passwords) -> None:
    """So it is renewed when the password is known."""
    assert not cheap.is_outdated(cheap.hash("open sesame"))
    assert Passwords(strong_hasher()).is_outdated(cheap.hash("open sesame"))


def test_a_damaged_hash_is_no_answer(cheap: Passwords) -> None:
    """Neither right nor wrong: the store is at fault."""
    for damaged in ("", "x", "$argon2id$v=19$m=8,t=1,p=1$!!$!!"):
        with pytest.raises(StoreError):
            cheap.is_right(damaged or "?", "open sesame")


def test_two_are_hashed_at_once() -> None:
    """Ten ask; eight wait for a slot, and all are answered."""
    hasher = Counting()
    counted = Passwords(hasher)
    password_hash = counted.hash("open sesame")
    right = []
    threads = [
        threading.Thread(
            target=lambda: right.append(counted.is_right(password_hash, "open sesame"))
        )
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for _ in range(AT_ONCE):
        assert hasher.entered.acquire(timeout=DEADLINE)
    hasher.go_on.set()
    for thread in threads:
        thread.join()
    assert right == [True] * 10
    assert hasher.most == AT_ONCE


def test_no_address_takes_all_the_turns() -> None:
    """A client that logs in again and again, with the right password, does not keep others out."""
    hasher = Counting()
    counted = Passwords(hasher)
    password_hash = counted.hash("open sesame")
    threads = [
        threading.Thread(target=counted.is_right, args=(password_hash, "open sesame", host))
        for host in (*["10.0.0.1"] * 5, "10.0.0.2")
    ]
    for thread in threads[:-1]:
        thread.start()
    assert hasher.entered.acquire(timeout=DEADLINE)
    assert not hasher.entered.acquire(timeout=0.05)
    threads[-1].start()
    assert hasher.entered.acquire(timeout=DEADLINE)
    hasher.go_on.set()
    for thread in threads:
        thread.join()
    assert hasher.most == AT_ONCE


def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever finds all slots taken is told when to come back."""
    monkeypatch.setattr(passwords, "PATIENCE", 0.01)
    hasher = Counting()
    busy = Passwords(hasher)
    password_hash = busy.hash("open sesame")
    threads = [
        threading.Thread(target=busy.is_right, args=(password_hash, "open sesame"))
        for _ in range(AT_ONCE)
    ]
    for thread in threads:
        thread.start()
    for _ in range(AT_ONCE):
        assert hasher.entered.acquire(timeout=DEADLINE)
    try:
        with pytest.raises(ProtocolError) as raised:
            busy.is_right(password_hash, "open sesame")
        assert raised.value.code == Code.UNAVAILABLE
        assert raised.value.retry_after
    finally:
        hasher.go_on.set()
        for thread in threads:
            thread.join()
    assert busy.is_right(password_hash, "open sesame")
