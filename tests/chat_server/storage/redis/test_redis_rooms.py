"""What a process knows of the rooms."""

from chat_server.storage.redis.redis_rooms import RedisRooms
from tests.chat_server.storage.logs import entries, numbered

MESSAGES = numbered(entries(5), 1)


def known(last: int = 2) -> RedisRooms:
    """The lobby, of which everything is followed."""
    rooms = RedisRooms()
    assert rooms.learned("lobby", last, 1)
    assert rooms.begin_read("lobby") == last
    return rooms


def test_nothing_follows_and_nobody_asks() -> None:
    """Until there is news of the room."""
    rooms = known()
    assert rooms.take_fresh("lobby", 2) == ()
    rooms.outdate("lobby")
    assert rooms.take_fresh("lobby", 2) is None
    assert rooms.take_fresh("lobby", 2) == ()
    rooms.outdate_all()
    assert rooms.take_fresh("lobby", 2) is None


def test_what_was_read_back_follows_once() -> None:
    """Only where it is what comes next."""
    rooms = known()
    rooms.learned("lobby", 4, 1)
    rooms.read_back("lobby", MESSAGES[2:4], whole=True)
    assert rooms.take_fresh("lobby", 2) == MESSAGES[2:4]
    assert rooms.take_fresh("lobby", 4) == ()
    rooms.read_back("lobby", MESSAGES[4:], whole=True)
    rooms.learned("lobby", 5, 1)
    assert rooms.take_fresh("lobby", 2) is None


def test_news_that_comes_while_the_log_is_read_is_not_lost() -> None:
    """What was read may not have it."""
    rooms = known()
    rooms.begin_read("lobby")
    rooms.outdate("lobby")
    rooms.learned("lobby", 3, 1)
    rooms.read_back("lobby", MESSAGES[2:3], whole=True)
    assert rooms.take_fresh("lobby", 2) == MESSAGES[2:3]
    assert rooms.take_fresh("lobby", 3) is None


def test_a_log_that_is_shorter_was_set_back() -> None:
    """Whoever followed it further is told, once."""
    rooms = known(5)
    assert rooms.learned("lobby", 3, 1, 3)  # an answer that was overtaken by another one
    assert not rooms.learned("lobby", 3, 1, 5)
    rooms.set_back({"lobby": 3})
    assert rooms.ends("lobby") == (1, 3)
    assert rooms.take_set_back("lobby", 5) == 3
    assert rooms.take_set_back("lobby", 5) is None
    assert rooms.unlisted(["lobby"]) == ["lobby"]


def test_the_age_of_the_oldest_message_is_forgotten_with_it() -> None:
    """Another one is the oldest then."""
    rooms = known(5)
    rooms.note_oldest_time("lobby", 1, 1000.0)
    assert rooms.oldest_time("lobby") == 1000.0
    rooms.learned("lobby", 5, 3)
    assert rooms.oldest_time("lobby") is None
    rooms.note_oldest_time("lobby", 1, 1000.0)
    assert rooms.oldest_time("lobby") is None
