"""Wrong guesses are slowed, and nobody gets round it."""

from ipaddress import IPv4Address

import pytest

from chat_server.identity import throttle
from chat_server.identity.throttle import Throttle
from protocol.errors import Code, ProtocolError
from tests.support.clock import ManualClock


def wrong(counted: Throttle, host: str) -> bool:
    """Guess wrong; return whether the guess was looked at."""
    try:
        assert not counted.guess(host, lambda: False)
    except ProtocolError as error:
        return error.code is not Code.RATE_LIMITED
    return True


def test_the_wait_grows_to_a_limit_and_is_forgotten() -> None:
    """Two hours of guessing are fewer than 140 guesses."""
    clock = ManualClock()
    counted = Throttle(clock)
    looked_at = 0
    for _ in range(7200):
        looked_at += wrong(counted, "10.0.0.7")
        clock.advance(1)
    assert 120 < looked_at < 140
    clock.advance(throttle.FORGOTTEN_AFTER)
    assert [wrong(counted, "10.0.0.7") for _ in range(throttle.FREE + 2)].count(True) == (
        throttle.FREE + 1
    )


def test_many_at_once_are_no_way_round() -> None:
    """What counts is the address, however many connections it has."""
    counted = Throttle(ManualClock())
    assert sum(wrong(counted, "10.0.0.7") for _ in range(1000)) == throttle.FREE + 1


def test_a_right_one_does_not_wash_wrong_ones_away() -> None:
    """Otherwise an attacker could log in to their own account between guesses."""
    counted = Throttle(ManualClock())
    for _ in range(throttle.FREE + 1):
        assert counted.guess("10.0.0.7", lambda: True)
        wrong(counted, "10.0.0.7")
    assert not wrong(counted, "10.0.0.7")


def test_one_that_takes_long_counts_from_its_beginning() -> None:
    """So that many that begin together are not all free; a right one is taken back."""
    clock = ManualClock()
    counted = Throttle(clock)
    for _ in range(throttle.FREE * 3):
        counted.begin("10.0.0.7")
        counted.right("10.0.0.7")
    for _ in range(throttle.FREE + 1):
        counted.begin("10.0.0.7")
    with pytest.raises(ProtocolError, match="wait 1 s"):
        counted.begin("10.0.0.7")
    counted.right("10.0.0.7")
    counted.begin("10.0.0.7")


def test_an_address_of_ipv6_does_not_pay_for_the_others() -> None:
    """A whole school is in one /64."""
    counted = Throttle(ManualClock())
    assert sum(wrong(counted, "2001:db8::7") for _ in range(100)) == throttle.FREE + 1
    assert wrong(counted, "2001:db8::8")


def test_who_goes_through_the_addresses_of_a_network_is_slowed() -> None:
    """One machine can have all 2^64 of them: a guess a second is left, for all together."""
    clock = ManualClock()
    counted = Throttle(clock)
    most = throttle.FREE * throttle.PEOPLE_OF_NETWORK + 1
    assert sum(wrong(counted, f"2001:db8::{number:x}") for number in range(most + 100)) == most
    for number in range(100):
        assert not wrong(counted, f"2001:db8::1:{number:x}")
        clock.advance(throttle.LONGEST_OF_NETWORK)
        assert wrong(counted, f"2001:db8::2:{number:x}")
    assert wrong(counted, "2001:db8:0:1::1")


def test_memory_is_bounded() -> None:
    """An attacker with more addresses is not slowed any further."""
    counted = Throttle(ManualClock())
    for number in range(throttle.ADDRESSES + 500):
        wrong(counted, str(IPv4Address(number)))
    assert len(counted._wrong) == throttle.ADDRESSES
