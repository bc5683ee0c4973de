"""Who came and left since the last line adds up to one line."""

from chat_client.display.state.stir import Stir
from protocol.messages import Presence


def add(stir: Stir, joined: str = "", left: str = "", gone: str = "", members: int = 5) -> None:
    stir.add(
        joined=joined.split(),
        left=left.split(),
        renamed=[],
        gone=gone.split(),
        members=members,
        roles={},
    )


def test_events_add_up() -> None:
    """Each is named once, in order, and the count is the last one's."""
    stir = Stir("lobby")
    add(stir, joined="ana ben", members=2)
    add(stir, joined="ben eve", left="zoe", members=3)
    stir.add(joined=(), left=(), renamed=[("max", "moritz")], gone=["max"], members=3, roles={})
    assert stir.event() == Presence("lobby", ["ana", "ben", "eve"], ["zoe"], [("max", "moritz")], 3)


def test_who_came_and_went_again_is_not_told_to_be_there() -> None:
    """Whatever way they went; who was hidden when they left is not named then."""
    stir = Stir("lobby")
    add(stir, joined="ana ben")
    add(stir, left="ana", gone="ana")
    add(stir, gone="ben")
    assert stir.event().joined == []
    assert stir.event().left == ["ana"]
