"""What waits to be stored: talkers take turns, notices keep their place."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from chat_server.rooms.draft_queue import SHARE, DraftQueue


@dataclass(frozen=True)
class Said:
    """A draft, as far as the queue knows it."""

    session: str
    number: int
    cost: int = SHARE
    kind: str = "text"


def queue_of(*drafts: Said) -> DraftQueue[Said]:
    """A queue with these drafts."""
    queue: DraftQueue[Said] = DraftQueue()
    for draft in drafts:
        queue.append(draft)
    return queue


def test_one_waits_for_a_share_of_another_and_not_for_all() -> None:
    """Twenty long texts were there first."""
    flood = [Said("eva", number) for number in range(20)]
    word = Said("ada", 1, cost=130)
    assert queue_of(*flood, word).take(2 * SHARE) == [flood[0], word, flood[1]]


def test_short_texts_are_taken_together() -> None:
    """As many as a share has, of each."""
    drafts = [Said(who, number, cost=SHARE // 4) for who in ("eva", "ada") for number in range(8)]
    taken = queue_of(*drafts).take(2 * SHARE)
    assert taken == [*drafts[:4], *drafts[8:12]]


def test_a_lone_talker_has_all_the_space() -> None:
    """Nobody else waits."""
    flood = [Said("eva", number) for number in range(20)]
    queue = queue_of(*flood)
    assert queue.take(8 * SHARE) == flood[:8]
    assert (len(queue), queue.cost) == (12, 12 * SHARE)
    assert queue.peek() == flood[8]


def test_a_notice_keeps_its_place() -> None:
    """Whatever was said before a freeze is stored before its notice, and nothing of it behind."""
    before = [Said("eva", 1), Said("eva", 2), Said("ada", 1)]
    notice = Said("bob", 1, kind="notice")
    queue = queue_of(*before, notice, Said("ada", 2))
    taken = queue.take(100 * SHARE)
    assert set(taken[:3]) == set(before)
    assert taken[3:] == [notice, Said("ada", 2)]
    assert (len(queue), queue.cost, queue.take(SHARE)) == (0, 0, [])


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 2 * SHARE), st.booleans()), max_size=40
    ),
    st.integers(1, 4 * SHARE),
)
def test_each_comes_out_once_in_the_order_of_its_session(
    said: list[tuple[str, int, bool]], space: int
) -> None:
    """In whatever portions it is taken."""
    drafts = [
        Said(who, number, cost, "notice" if notice else "text")
        for number, (who, cost, notice) in enumerate(said)
    ]
    queue = queue_of(*drafts)
    taken: list[Said] = []
    while queue:
        portion = queue.take(space)
        assert sum(draft.cost for draft in portion[:-1]) < space
        taken += portion
    assert sorted(taken, key=drafts.index) == drafts
    for who in "abc":
        numbers = [draft.number for draft in taken if draft.session == who]
        assert numbers == sorted(numbers)
    for place, draft in enumerate(taken):
        if draft.kind == "notice":
            assert all(other.number < draft.number for other in taken[:place])
