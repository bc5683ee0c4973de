"""A queue in which parties take turns."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from chat_server.runtime.round_robin import Party, RoundRobin


def filled(*puts: tuple[Party, str]) -> RoundRobin[str]:
    """A queue with these items."""
    queue: RoundRobin[str] = RoundRobin()
    for party, item in puts:
        queue.put(party, item)
    return queue


def drained(queue: RoundRobin[str]) -> list[str]:
    """All items, in the order in which they are taken."""
    return [queue.take() for _ in range(len(queue))]


def test_who_puts_much_in_it_waits_longer_than_others() -> None:
    """One item of the one is taken between two of the other."""
    much, little = Party("a", 1), Party("b", 1)
    queue = filled((much, "m1"), (much, "m2"), (much, "m3"), (little, "l1"))
    assert drained(queue) == ["m1", "l1", "m2", "m3"]


def test_many_clients_at_one_address_are_one_to_another() -> None:
    """Fifty of them, each with something, stand ahead of nobody more than once."""
    crowd = [(Party("a", number), f"a{number}") for number in range(50)]
    queue = filled(*crowd, (Party("b", 1), "b"))
    assert drained(queue)[:3] == ["a0", "b", "a1"]


def test_clients_at_one_address_take_turns() -> None:
    """A class behind one address shares what it has."""
    queue = filled(*((Party("a", 1), f"m{n}") for n in range(9)), (Party("a", 2), "l"))
    assert drained(queue).index("l") == 1


def test_an_item_is_taken_out_of_its_turn() -> None:
    """Once; and nothing is left of a party that has no other."""
    one, two = Party("a", 1), Party("a", 2)
    queue = filled((one, "m1"), (two, "l1"))
    assert queue.remove(one, "m1")
    assert not queue.remove(one, "m1")
    assert not queue.remove(Party("b", 1), "m1")
    assert (len(queue), queue.parties) == (1, 1)
    assert drained(queue) == ["l1"]
    assert queue.parties == 0


def test_a_full_queue_makes_room_at_the_cost_of_who_filled_it() -> None:
    """The oldest of theirs goes."""
    queue = filled(*((Party("a", 1), f"m{n}") for n in range(3)), (Party("b", 2), "l"))
    assert queue.drop_from_largest() == "m0"
    assert drained(queue) == ["m1", "l", "m2"]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2)), max_size=30))
def test_each_is_taken_once_and_in_the_order_of_its_party(owners: list[tuple[str, int]]) -> None:
    """Whoever puts in what."""
    queue: RoundRobin[tuple[Party, int]] = RoundRobin()
    for number, owner in enumerate(owners):
        queue.put(Party(*owner), (Party(*owner), number))
    assert queue.parties == len(set(owners))
    taken = [queue.take() for _ in range(len(queue))]
    assert Counter(taken) == Counter((Party(*owner), n) for n, owner in enumerate(owners))
    for party in {party for party, _ in taken}:
        numbers = [number for each, number in taken if each == party]
        assert numbers == sorted(numbers)


def test_who_may_not_have_a_turn_is_passed_over() -> None:
    """And keeps what it has put in, for later."""
    queue = filled((Party("a", 1), "a1"), (Party("b", 1), "b1"), (Party("a", 1), "a2"))
    assert queue.take_where(lambda address: address != "a") == "b1"
    assert queue.take_where(lambda address: address != "a") is None
    assert drained(queue) == ["a1", "a2"]
    assert queue.take_where(lambda _: True) is None
