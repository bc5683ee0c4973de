"""What the scripts keep in Redis."""

from chat_server.storage.redis.scripts import (
    BURY,
    CHUNK,
    CLAIM_NICK,
    LEASES,
    PREFIX,
    PROCESSES,
    REPLY_SIZE,
    ROOMS,
    SESSION_COUNTER,
    clustered_key,
    room_keys,
)
from tests.chat_server.storage.logs import Opened, append, entries, entry
from tests.support.redis_server import RedisServer, needs_redis

pytestmark = needs_redis


def test_the_keys_of_a_room_are_in_one_place_of_a_cluster() -> None:
    """By their hash tag."""
    assert {key[key.index("{") : key.index("}") + 1] for key in room_keys("lobby")} == {"{lobby}"}


def test_all_other_keys_are_in_one_place_of_a_cluster() -> None:
    """Also where scripts name them, and if a room is called like them."""
    for key in (ROOMS, SESSION_COUNTER, PROCESSES, f"{LEASES}one", f"{PREFIX}nick:{{a}}"):
        assert clustered_key(key) == "{backchannel}:" + key.removeprefix(PREFIX)
    for key in (*room_keys("lobby"), *room_keys("sessions")):
        assert clustered_key(key) == key
    assert f"'{PREFIX}" not in BURY.in_cluster.text + CLAIM_NICK.in_cluster.text


def test_a_batch_is_an_entry_with_the_id_of_its_first_message(
    empty_redis: RedisServer, empty_redis_log: Opened
) -> None:
    """A long one is several."""
    with empty_redis_log() as log:
        append(log, *entries(3))
        append(log, *entries(CHUNK + 1, first=4))
    found = empty_redis.do("XRANGE", "backchannel:{lobby}:log", "-", "+")
    assert [identity for identity, _ in found] == ["1-0", "4-0", f"{4 + CHUNK}-0"]
    assert [fields["n"] for _, fields in found] == ["3", f"{CHUNK}", "1"]
    assert found[0][1]["k"] == "1:1 1:2 1:3"


def test_a_page_that_is_too_long_for_one_reply_comes_whole(empty_redis_log: Opened) -> None:
    """In several, in both directions."""
    with empty_redis_log() as log:
        count = 2 * REPLY_SIZE // 4000
        for number in range(1, count, 50):
            batch = [entry("x" * 4000, request=number + each) for each in range(50)]
            append(log, *batch)
        found = log.after("lobby", 0, count)
        assert [m.seq for m in found] == list(range(1, count + 1))
        assert log.before("lobby", None, count)[-1].seq == found[-1].seq or len(found) == count
