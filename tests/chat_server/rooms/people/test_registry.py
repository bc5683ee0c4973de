"""Taking another nick, and who is the same person."""

from pathlib import Path

import pytest

from tests.chat_server.house import House
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.servers import running_server


@pytest.mark.parametrize("taken", ["eva", "EVA", "\uff45\uff56\uff41"])
def test_a_nick_in_use_changes_nothing(house: House, taken: str) -> None:
    """A nick that only compares equal changes nothing, either."""
    house.enter("eva")
    ada = house.enter("ada", "lobby")
    ada.refused("nick_in_use", "nick", nick=taken)
    assert ada.page("who", room="lobby")["members"] == ["ada"]


def test_ones_own_nick_can_be_written_otherwise(house: House) -> None:
    """It compares equal to one's own, so it is not in use by somebody else."""
    ada = house.enter("ada", "lobby")
    assert ada.ok("nick", nick="ADA")["nick"] == "ADA"
    assert ada.page("who", room="lobby")["members"] == ["ADA"]


def test_the_old_nick_is_free(house: House) -> None:
    """Somebody else may take it at once."""
    ada = house.enter("ada")
    ada.ok("nick", nick="lovelace")
    assert house.connect().hello("ada")["type"] == "welcome"
    assert house.connect().hello("Lovelace")["code"] == "nick_in_use"


def test_a_nick_is_free_when_its_owner_has_read_the_goodbye(house: House) -> None:
    """A client that comes again right after the close is not told that the nick is in use."""
    for _ in range(200):
        ada = house.enter("ada")
        ada.ok("bye")
        ada.expect_end("bye")
        ada.close()


@needs_redis
def test_a_nick_that_is_being_claimed_stays_claimed(tmp_path: Path) -> None:
    """Though all is claimed anew meanwhile, as after Redis was away; others are dropped."""
    with (
        RedisServer(tmp_path / "redis") as redis,
        running_server(tmp_path / "data", log=redis.address) as server,
        House(server) as house,
    ):
        house.enter("ada")
        registry = server._parts.registry
        (session,) = registry.sessions()
        neighbours = server._parts.store.neighbours
        assert neighbours is not None
        neighbours.claim_nick("max", b"somebody who has gone")
        with registry._claimed(session, "eva"):
            assert registry.claim_all() == []
            assert neighbours.claimed() == {"ada", "eva"}
