"""The rules of a room, without a room: freezes, locks, slow mode."""

import pytest

from chat_server.rooms import policy
from chat_server.rooms.people.session import Session
from chat_server.rooms.policy import (
    NO_POLICY,
    Freeze,
    Lock,
    RoomPolicy,
    SlowMode,
    person_keys,
)
from protocol.errors import Code, ProtocolError

EVA = frozenset({"eva"})


def freeze(ends: float | None = None, *speakers: str, everywhere: bool = False) -> Freeze:
    """One that ends at a moment of the clock."""
    return Freeze("ada", 0.0, ends, ends, frozenset(speakers), everywhere)


def refusal(policy: RoomPolicy, now: float, names: frozenset[str] = EVA) -> ProtocolError:
    """Why somebody may not speak."""
    with pytest.raises(ProtocolError) as caught:
        policy.check_speaker(names, now)
    assert caught.value.code is Code.MUTED
    return caught.value


def test_no_rules_let_everybody_speak_and_come_in() -> None:
    NO_POLICY.check_speaker(EVA, 0.0)
    NO_POLICY.check_entry(EVA)
    assert NO_POLICY.frozen(0.0) is None


def test_a_freeze_says_by_whom_and_for_how_long() -> None:
    error = refusal(RoomPolicy(freeze=freeze(90.0)), 30.0)
    assert error.retry_after == 60.0
    assert "by ada for another 1 min" in error.text


def test_a_freeze_without_an_end_names_none() -> None:
    error = refusal(RoomPolicy(freeze=freeze()), 30.0)
    assert error.retry_after is None
    assert "another" not in error.text


def test_a_freeze_that_has_ended_holds_nobody() -> None:
    policy = RoomPolicy(freeze=freeze(90.0))
    policy.check_speaker(EVA, 90.0)
    assert policy.frozen(90.0) is None


def test_speakers_speak_under_any_of_their_names() -> None:
    policy = RoomPolicy(freeze=freeze(None, "@7"))
    policy.check_speaker(frozenset({"token", "@7"}), 0.0)
    refusal(policy, 0.0, frozenset({"token", "@8"}))


def test_a_speaker_of_the_room_is_none_of_the_house() -> None:
    """Both hold, apart from each other; what is told is what stops the person."""
    policy = RoomPolicy(freeze=freeze(None, "eva"), server_freeze=freeze(50.0, everywhere=True))
    assert refusal(policy, 0.0).retry_after == 50.0
    policy.check_speaker(EVA, 50.0)
    assert policy.frozen(50.0) is policy.freeze


def test_a_lock_lets_back_in_who_was_in() -> None:
    policy = RoomPolicy(lock=Lock("ada", EVA))
    policy.check_entry(frozenset({"eva", "@7"}))
    with pytest.raises(ProtocolError, match="locked by ada"):
        policy.check_entry(frozenset({"zoe"}))


# -- slow mode


def test_slow_mode_is_for_each_person() -> None:
    slow_mode = SlowMode()
    assert slow_mode.take("eva", 10.0, 0.0) == 0.0
    assert slow_mode.take("eva", 10.0, 4.0) == 6.0
    assert slow_mode.take("zoe", 10.0, 4.0) == 0.0
    assert slow_mode.take("eva", 10.0, 10.0) == 0.0
    assert slow_mode.take("eva", 10.0, 11.0) == 9.0


def test_what_was_refused_after_all_does_not_count() -> None:
    slow_mode = SlowMode()
    assert slow_mode.take("eva", 10.0, 0.0) == 0.0
    slow_mode.give_back("eva")
    assert slow_mode.take("eva", 10.0, 1.0) == 0.0


def test_slow_mode_knows_who_logged_in_or_out() -> None:
    """The last name under which they spoke counts. The other name may be another person's, too."""
    slow_mode, eva = SlowMode(), session("eva", 7)
    alone = eva.token.hex()
    assert slow_mode.take("@7", 10.0, 0.0) == 0.0
    assert slow_mode.take("zoe", 10.0, 2.0) == 0.0
    eva.account = None
    slow_mode.rename_person(eva, "@7")
    assert slow_mode.take(alone, 10.0, 4.0) == slow_mode.take("@7", 10.0, 4.0) == 6.0
    assert slow_mode.take(alone, 10.0, 11.0) == 0.0
    assert slow_mode.take("@7", 10.0, 12.0) == 0.0
    eva.account = 7
    slow_mode.rename_person(eva, alone)
    assert slow_mode.take("@7", 10.0, 13.0) == 9.0
    assert slow_mode.take("@7", 10.0, 22.0) == 0.0


def test_slow_mode_remembers_nobody_for_longer_than_it_must() -> None:
    slow_mode = SlowMode()
    for number in range(1000):
        slow_mode.take(f"n{number}", 10.0, float(number))
    assert len(slow_mode._spoke) <= 11


def test_slow_mode_remembers_so_many_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "TALKERS_LIMIT", 5)
    slow_mode = SlowMode()
    for number in range(20):
        slow_mode.take(f"n{number}", 1000.0, float(number))
    assert len(slow_mode._spoke) == 5


def session(nick: str, account: int | None = None) -> Session:
    """Somebody."""
    made = Session(nick.encode(), nick)
    made.account = account
    return made


def test_names_of_somebody() -> None:
    assert person_keys(session("eva")) == {b"eva".hex()}
    assert person_keys(session("eva", 7)) == {b"eva".hex(), "@7"}


def test_who_spoke_on_another_server_is_known_by_the_nick() -> None:
    """As long as slow mode is; whoever has another nick, and speaks here, is somebody else."""
    slow_mode = SlowMode()
    slow_mode.hear("eva", 0.0)
    assert slow_mode.take("@7", 10.0, 4.0, "eva") == 6.0
    assert slow_mode.take("@7", 10.0, 4.0, "zoe") == 0.0
    slow_mode.hear("eva", 5.0)
    assert slow_mode.take("@8", 10.0, 14.0, "eva") == 1.0
    assert slow_mode.take("@8", 10.0, 15.0, "eva") == 0.0


def test_who_spoke_elsewhere_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who spoke the longest ago are forgotten."""
    monkeypatch.setattr(policy, "TALKERS_LIMIT", 2)
    slow_mode = SlowMode()
    for nick in ("ada", "eva", "zoe"):
        slow_mode.hear(nick, 0.0)
    assert [slow_mode.take(nick, 10.0, 1.0, nick) for nick in ("zoe", "ada")] == [9.0, 0.0]
