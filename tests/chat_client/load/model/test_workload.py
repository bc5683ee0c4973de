"""The workload: who talks, who is slow, who is in which room."""

from hypothesis import given
from hypothesis import strategies as st

from chat_client.load.model.workload import Load


@given(st.integers(1, 300), st.integers(1, 20))
def test_every_client_is_in_one_room(clients: int, rooms: int) -> None:
    """And no two rooms differ by more than one client."""
    load = Load(clients=clients, rooms=rooms)
    members = [load.members(room) for room in range(rooms)]
    assert sum(members) == clients
    assert max(members) - min(members) <= 1
    assert len(set(load.room_names())) == rooms


def test_somebody_talks() -> None:
    """At least one client talks, also if the share of talkers is less than one client."""
    assert Load(clients=3, talkers=1.0).talking == 1
    assert Load(clients=200, talkers=10.0).talking == 20
    assert Load(clients=200, slow=25.0).slow_ones == 50
    assert Load(clients=3, slow=0.0).slow_ones == 0
