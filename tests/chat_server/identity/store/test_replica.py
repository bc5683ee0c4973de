"""The copies of several servers: the same writes in the same order, whoever is faster."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from chat_server.identity.roles import Role
from chat_server.identity.store import replica as replicas
from chat_server.identity.store.class_store import ClassStore
from chat_server.identity.store.people_store import FILE, PeopleStore
from chat_server.identity.store.poll_store import PollStore
from chat_server.identity.store.records import (
    Account,
    Act,
    Asked,
    KeptHand,
    KeptPin,
    KeptPoll,
    KeptVote,
    Pupil,
    Sanction,
    StoredPolicy,
)
from chat_server.identity.store.replica import TABLES, Replica
from chat_server.runtime.errors import StartError, StoreError
from chat_server.storage.redis.redis_log import RedisLog
from chat_server.storage.redis.scripts import LEASES
from tests.chat_server.storage.redis_house import NOBODY
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.waiting import eventually

pytestmark = [needs_redis, pytest.mark.long]

BAN = Sanction(0, "ban", "eva", "eva", None, b"token", None, None, "spam", "ada", 5.0)


def act(word: str, whom: str = "") -> Act:
    return Act(5.0, "ada", word, whom)


def account(name: str) -> Account:
    return Account(0, name, name, f"hash of {name}", Role.MEMBER)


class Followed:
    """Notes what it is told to let hold."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.everything = 0
        self.later: list[Callable[[], None]] = []

    def follow(self, name: str, _: Sequence[Any], __: Any) -> Sequence[Callable[[], None]]:
        self.names.append(name.partition(".")[2])
        later, self.later = self.later, []
        return later

    def follow_all(self) -> None:
        self.everything += 1


class Copy:
    """One server's copy, and what it was told to let hold."""

    def __init__(self, redis: RedisServer, folder: Path, opened: ExitStack) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.log = opened.enter_context(closing(RedisLog(redis.address, "", folder)))
        self.people = opened.enter_context(closing(PeopleStore(folder)))
        self.followed = Followed()
        self.polls = PollStore(self.people)
        self.people.share(self.log.neighbours.writes, self.polls)
        self.replica.follower = self.followed

    @property
    def replica(self) -> Replica:
        assert self.people.replica is not None
        return self.people.replica

    def tables(self) -> dict[str, list[Any]]:
        """What is in it of what all have alike."""
        with closing(sqlite3.connect(self.folder / FILE)) as connection:
            return {
                table: connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
                for table in (*TABLES, "sqlite_sequence", "shared")
            }


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as started:
        yield started


@contextmanager
def copies(redis: RedisServer, folder: Path, *names: str) -> Iterator[list[Copy]]:
    with ExitStack() as opened:
        yield [Copy(redis, folder / name, opened) for name in names]


@pytest.fixture
def pair(redis: RedisServer, tmp_path: Path) -> Iterator[list[Copy]]:
    with copies(redis, tmp_path, "one", "two") as opened:
        yield opened


def test_every_write_is_made_in_both(pair: list[Copy]) -> None:
    """Whichever server makes it: number for number."""
    one, two = pair
    number = one.people.add_account(account("ada"), b"ada's", act("register", "ada"))
    two.people.set_account_role(number, Role.MODERATOR, act("op", "@ada"))
    two.people.set_session_role(b"eva's", Role.OWNER, act("claim"))
    kept = one.people.add_sanction(BAN, act("ban", "eva"))
    assert two.people.add_sanction(BAN._replace(who="max"), act("ban")).number == kept.number + 1
    one.people.remove_sanctions([kept.number], act("unban"))
    two.people.put_policy(
        StoredPolicy("lobby", slow=2.5, insiders=("a", "b"), guests=(("@1", "ada"),)), act("slow")
    )
    one.people.put_secret("owner", b"\x00\xff")
    two.people.log_in(b"other", number, 7.0)
    one.people.change_password(number, "another", b"other", act("password"))
    raise_hands(*pair)
    ask_and_vote(*pair)
    two.people.catch_up()
    one.people.catch_up()
    assert one.tables() == two.tables()
    assert two.people.membership(b"ada's") is None
    assert one.people.policies()[0].guests == (("@1", "ada"),)
    assert {"add_account", "add_sanction", "remove_sanctions", "put_secret"} <= set(
        two.followed.names
    )
    assert "add_account" not in one.followed.names


def raise_hands(one: Copy, two: Copy) -> None:
    """Three hands, one of which goes down, and one of which gets the floor; and a pin."""
    hand = KeptHand(0, "lobby", "@1", b"ada's", "ada", 5.0, "why?")
    first = one.people.add_hand(hand)
    second = two.people.add_hand(hand._replace(who="other", token=b"other"))
    third = one.people.add_hand(hand._replace(room="garden"), [second])
    assert (second, third) == (first + 1, first + 2)
    two.people.move_floor([], third, "how?", act("next", "garden"))
    one.people.call_hands(b"ada's", "lovelace")
    two.people.rename_hands([first], "@2")
    one.people.add_pin(KeptPin("lobby", 7, "ada", 5.0), act("pin", "lobby 7"))
    two.people.catch_up()
    kept = [(each.number, each.who, each.nick, each.floor) for each in two.people.hands()]
    assert kept == [(first, "@2", "lovelace", False), (third, "@1", "lovelace", True)]
    assert [pin.seq for pin in two.people.pins()] == [7]


def ask_and_vote(one: Copy, two: Copy) -> None:
    """Two polls, one of which ends; and a person who votes on both servers."""
    poll = KeptPoll(0, "lobby", "@1", b"t", "ada", 5.0, "Is it?", ("yes", "no"), named=True)
    first = one.polls.add(poll, Asked(b"t", 7), None)
    second = two.polls.add(poll._replace(room="garden"), Asked(b"t", 8), act("poll", "garden"))
    assert second == first + 1
    vote = KeptVote(second, "@2", b"b", "ben", 1)
    assert one.polls.vote([vote, vote._replace(poll=first)], []) == [True, True]
    assert two.polls.vote([vote._replace(token=b"c", choice=2)], [vote]) == [True]
    ended = poll._replace(number=first, result="{}", session=3, request=9, ended=9.0)
    one.polls.end(ended, Asked(b"t", 9), None)
    assert one.polls.polls()[0] == ended
    assert one.polls.votes() == [KeptVote(second, "@2", b"c", "ben", 2)]


def test_what_is_wanted_soon_is_written_by_the_thread(pair: list[Copy], redis: RedisServer) -> None:
    """As soon as it can be: whoever wants it waits for nothing."""
    one, two = pair
    for copy in pair:
        copy.log.watch(NOBODY)
        copy.replica.start()
    try:
        redis.kill()
        one.people.soon(lambda: one.people.put_secret("written", b"late"))
        redis.start_again()
        eventually(lambda: two.people.secret("written") == b"late")
    finally:
        for copy in pair:
            copy.replica.stop()


def test_what_is_decided_is_decided_upon_all_that_was_written(pair: list[Copy]) -> None:
    """Both look for the first free number, and neither takes the other's."""
    taken: list[int] = []

    def take(copy: Copy) -> None:
        def decide() -> None:
            known = len(copy.people.sanctions())
            copy.people.add_sanction(BAN._replace(who=f"{known}"), act("ban"))
            taken.append(known)

        for _ in range(20):
            copy.people.decided(decide)

    threads = [threading.Thread(target=take, args=(copy,)) for copy in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(40))
    for copy in pair:
        copy.people.catch_up()
        assert [each.who for each in copy.people.sanctions()] == [f"{n}" for n in range(40)]
    assert pair[0].tables() == pair[1].tables()


def test_a_write_that_cannot_be_made_here_is_made_nowhere(pair: list[Copy]) -> None:
    """And those after it go on as if there had been none."""
    one, two = pair
    one.people.add_account(account("ada"), b"", act("register"))
    two.people.catch_up()
    with pytest.raises(StoreError, match="UNIQUE"):
        two.people.add_account(account("ada"), b"", act("register"))
    two.people.add_account(account("eva"), b"", act("register"))
    one.people.catch_up()
    assert [each.name for each in one.people.accounts()] == ["ada", "eva"]
    assert one.tables() == two.tables()


def test_nothing_is_written_while_redis_is_away(pair: list[Copy], redis: RedisServer) -> None:
    """Nor in the copy of who wants to; what is known can be read."""
    one, _ = pair
    one.people.put_policy(StoredPolicy("lobby", locked=True), None)
    before = one.tables()
    redis.kill()
    with pytest.raises(StoreError):
        one.people.add_sanction(BAN, act("ban"))
    with pytest.raises(StoreError):
        one.people.settle()
    assert one.tables() == before
    assert one.people.policies()[0].locked


def test_one_that_comes_later_has_it_all(
    pair: list[Copy], redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From what was written down last, and what was written since."""
    monkeypatch.setattr(replicas, "KEEP_EVERY", 5)
    one, two = pair
    for number in range(13):
        one.people.add_sanction(BAN._replace(who=f"{number}"), act("ban"))
    two.people.catch_up()
    with copies(redis, tmp_path, "three") as (three,):
        assert three.tables() == two.tables()
        three.people.add_sanction(BAN, act("ban"))
        one.people.catch_up()
        assert three.tables() == one.tables()


def test_one_that_was_away_goes_on_from_where_it_was(redis: RedisServer, tmp_path: Path) -> None:
    """It keeps its own folder."""
    with copies(redis, tmp_path, "one", "two") as (one, two):
        one.people.add_sanction(BAN, act("ban"))
        two.people.catch_up()
    with copies(redis, tmp_path, "two") as (two,):
        two.people.add_sanction(BAN, act("ban"))
    with copies(redis, tmp_path, "one") as (one,):
        assert len(one.people.sanctions()) == 2


def test_people_of_ones_own_are_not_lost(redis: RedisServer, tmp_path: Path) -> None:
    """The first one gives its own to all; another one that has some does not start."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with closing(PeopleStore(tmp_path / name)) as people:
            people.add_account(account(name), b"", act("register"))
    with copies(redis, tmp_path, "one", "three") as (_, three):
        assert [each.name for each in three.people.accounts()] == ["one"]
        with (
            pytest.raises(StartError, match=r"people.db in the data folder has accounts that"),
            copies(redis, tmp_path, "two"),
        ):
            pass
    with closing(PeopleStore(tmp_path / "two")) as people:
        assert [each.name for each in people.accounts()] == ["two"]


def test_a_copy_that_is_used_alone_is_none_any_more(redis: RedisServer, tmp_path: Path) -> None:
    """What is written in it then is its own."""
    with copies(redis, tmp_path, "one", "two") as (one, two):
        one.people.add_account(account("ada"), b"", act("register"))
        two.people.catch_up()
        assert two.people.is_copy
    with closing(PeopleStore(tmp_path / "two")) as people:
        people.keep_alone()
        assert not people.is_copy
        people.add_account(account("eva"), b"", act("register"))
    with pytest.raises(StartError, match="would be lost"), copies(redis, tmp_path, "two"):
        pass


def test_redis_has_lost_what_was_written(pair: list[Copy], redis: RedisServer) -> None:
    """A server gives it back, and the others have it from there."""
    one, two = pair
    one.people.add_sanction(BAN, act("ban"))
    two.people.catch_up()
    redis.do("DEL", *redis.do("KEYS", "backchannel:{people}:*"))
    two.people.add_sanction(BAN, act("ban"))
    one.people.catch_up()
    assert (one.followed.everything, two.followed.everything) == (1, 0)
    assert len(one.people.sanctions()) == 2
    assert one.tables() == two.tables()


def test_who_wants_it_to_hold_waits_for_the_others(pair: list[Copy]) -> None:
    """Also for what they write because of it; not for those that stop."""
    one, two = pair
    policy = StoredPolicy("lobby", locked=True)
    two.followed.later = [lambda: two.people.put_policy(policy._replace(insiders=("eva",)), None)]
    one.log.watch(NOBODY)
    two.log.watch(NOBODY)
    one.replica.start()
    two.replica.start()
    try:
        one.people.put_policy(policy, act("lock"))
        one.people.settle()
        one.people.catch_up()
        assert one.people.policies()[0].insiders == ("eva",)
        assert two.followed.names[-1] == "put_policy"
    finally:
        two.replica.stop()
    one.people.add_sanction(BAN, act("ban"))
    one.people.settle()
    one.replica.stop()


def test_what_cannot_be_written_at_once_is_written_before_others_are_told(
    pair: list[Copy],
) -> None:
    """However often it fails."""
    one, two = pair
    tries = iter([StoreError("not now"), StoreError("not yet"), None])

    def write() -> None:
        error = next(tries)
        if error is not None:
            raise error
        two.people.put_secret("written", b"late")

    two.followed.later = [write]
    for copy in pair:
        copy.log.watch(NOBODY)
        copy.replica.start()
    try:
        one.people.add_sanction(BAN, act("ban"))
        one.people.settle()
        one.people.catch_up()
        assert one.people.secret("written") == b"late"
    finally:
        for copy in pair:
            copy.replica.stop()


def test_a_lease_that_ends_before_it_is_written_is_had_again(
    pair: list[Copy], redis: RedisServer
) -> None:
    """Without a lease nothing is written, and who is behind gets none: one of them has to begin."""
    one, two = pair

    def write() -> None:
        if not written:  # as after the lid of a laptop was shut
            redis.do("DEL", f"{LEASES}{two.log._process}")
        written.append("tried")
        two.people.put_secret("written", b"late")

    written: list[str] = []
    two.followed.later = [write]
    for copy in pair:
        copy.log.watch(NOBODY)
        copy.replica.start()
    try:
        one.people.add_sanction(BAN, act("ban"))
        eventually(lambda: two.people.secret("written") == b"late")
        assert len(written) > 1
    finally:
        for copy in pair:
            copy.replica.stop()


def test_a_class_list_and_its_accounts(pair: list[Copy]) -> None:
    """By the store of class lists, whose writes are shared as well."""
    one, two = pair
    store = ClassStore(one.people.commits, one.replica)
    numbers = store.add([Pupil(0, "7b", "Eva", "eva", 0)], [account("eva")], act("class-add"))
    two.people.catch_up()
    assert ClassStore(two.people.commits).pupils() == store.pupils()
    assert [each.number for each in two.people.accounts()] == numbers
