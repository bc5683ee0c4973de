"""The hands in memory, as the store and other servers change them."""

from chat_server.identity.store.records import KeptHand
from chat_server.moderation.hands.hand import Hand
from chat_server.moderation.hands.hands_up import HandsUp


def kept(number: int, nick: str, question: str = "", room: str = "lobby") -> KeptHand:
    """A hand in the store."""
    return KeptHand(number, room, nick, nick.encode(), nick, 0.0, question)


def test_news_are_what_is_other_than_before() -> None:
    """Hands that are up now or ask something else, hands that are down, another floor."""
    up = HandsUp()
    with up.lock:
        up.take_in([kept(1, "eva"), kept(2, "zoe"), kept(3, "max", room="garden")])
        (news,) = up.take_in(
            [
                kept(1, "eva")._replace(floor=True),
                kept(2, "zoe", "why?"),
                kept(4, "ian"),
                kept(3, "max", room="garden"),
            ]
        )
        assert [hand.nick for hand in up.all_in("lobby")] == ["zoe", "ian", "eva"]
    assert news.room == "lobby"
    assert [(hand.nick, hand.question) for hand in news.came] == [("zoe", "why?"), ("ian", "")]
    assert [hand.nick for hand in news.gone] == ["eva"]
    assert (news.hands, news.floor) == (2, True)


def test_a_queue_is_in_the_order_of_the_store() -> None:
    """Though a hand may be kept ahead of another, and come into memory behind it."""
    up = HandsUp()
    first, second = Hand.of(kept(1, "eva")), Hand.of(kept(2, "zoe"))
    with up.lock:
        assert up.add(second) == (1, 1)
        assert up.add(first) == (1, 2)
        assert up.queue("lobby") == [first, second]


def test_a_room_without_hands_is_forgotten() -> None:
    up = HandsUp()
    with up.lock:
        up.take_in([kept(1, "eva"), kept(2, "zoe")._replace(floor=True)])
        up.drop(up.all_in("lobby"))
        assert up.rooms() == []
        assert not up.queues
        assert not up.floors
