"""The other servers on the same Redis: whose nick is whose, and who tells whom.

A nick is claimed by a process for a session, under what the nick looks like, and the claim counts
as long as the lease of the process does (processes/living.py). So the nicks of a process that died,
or stood still for too long, are free for all.
"""

import itertools
import threading
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec import json

from chat_server.storage.interface import (
    DirectOutcome,
    EngineHealth,
    MembersChange,
    ProcessFacts,
)
from chat_server.storage.redis.connections import Call, Connections
from chat_server.storage.redis.processes.living import Living, claims_key
from chat_server.storage.redis.processes.members_elsewhere import MembersElsewhere
from chat_server.storage.redis.processes.redis_stays import RedisStays
from chat_server.storage.redis.processes.redis_writes import RedisWrites
from chat_server.storage.redis.scripts import CLAIM_NICK, DROP_NICK, LEASES, PREFIX, PROCESSES
from protocol.messages import Direct
from protocol.text import nick_key, nick_skeleton

PORTION = 500
"""Nicks that are claimed in one go."""

ANSWER_PATIENCE = 5.0
"""Seconds that another server may take to say what became of a message for somebody there."""

_directs = json.Decoder(Direct)


class _NickClaim(NamedTuple):
    """Which process has claimed a nick, for which session, by the hash of its secret."""

    process: str
    token: bytes
    nick: str


class Question(NamedTuple):
    """What another process asks of this one, by a number of its own."""

    number: int
    about: str


class RedisNeighbours:
    """The other servers, as the registry knows them. Any thread may call any method.

    Attributes:
        living: which of them live.
        members: who is in their rooms.
        writes: the order of what all of them write of people.
        stays: the order of what all of them tell of who was where.
    """

    def __init__(self, connections: Connections, process: str) -> None:
        """
        Args:
            connections: to Redis.
            process: what the others know this process by.
        """
        self._connections = connections
        self._process = process
        self.living = Living(connections, process)
        self.members = MembersElsewhere(connections, process)
        self.writes = RedisWrites(connections, process)
        self.stays = RedisStays(connections, process)
        self._numbers = itertools.count(1)
        # Guards the next, and wakes those who wait for an answer. A leaf.
        self._answered = threading.Condition()
        self._answers: dict[int, str | None] = {}  # by question; None until it has come

    @property
    def has_lease(self) -> bool:
        """Whether the others count on this process. See `Neighbours.has_lease`."""
        return self.living.has_lease

    def claim_nick(self, nick: str, token: bytes) -> str | None:
        """Have a nick for a session. See `Neighbours.claim_nick`."""
        (found,) = self._connections.ask_all([self._claim(nick, token)])
        return found.decode() if found else None

    def drop_nick(self, nick: str, token: bytes | None, held: float) -> None:
        """Let others have a nick. See `Neighbours.drop_nick`."""
        arguments = (self._process, token.hex() if token else "", int(held * 1000))
        self._connections.ask_all(
            [Call(DROP_NICK, (_nick_key(nick), claims_key(self._process)), arguments)]
        )

    def take_over(self, token: bytes) -> None:
        """Tell the others that a session is here now. See `Neighbours.take_over`."""
        self._connections.ask("PUBLISH", PROCESSES, f"{self._process} session {token.hex()}")

    def tell(self, direct: Direct) -> DirectOutcome:
        """Send somebody on another server a message. See `Neighbours.tell`."""
        found = self._find(direct.to)
        if found is None:
            return DirectOutcome.NOBODY
        answer = self._question(found.process, "direct", json.encode(direct).decode())
        return DirectOutcome.UNKNOWN if answer is None else DirectOutcome(answer)

    def host(self, nick: str) -> str | None:
        """Return from where somebody on another server is connected. See `Neighbours.host`."""
        found = self._find(nick)
        return self._question(found.process, "host", nick) or None if found else None

    def _question(self, process: str, word: str, about: str) -> str | None:
        """Ask another process something. Return its answer; None if there is none in time."""
        number = next(self._numbers)
        with self._answered:
            self._answers[number] = None
        try:
            told = f"{self._process} {word} {process} {number} {about}"
            self._connections.ask("PUBLISH", PROCESSES, told)
            with self._answered:
                self._answered.wait_for(lambda: self._answers[number] is not None, ANSWER_PATIENCE)
        finally:
            with self._answered:
                answer = self._answers.pop(number)
        return answer

    def answer(self, process: str, number: int, answer: str) -> None:
        """Answer a question of another process."""
        told = f"{self._process} answer {process} {number} {answer}"
        self._connections.ask("PUBLISH", PROCESSES, told)

    def hear_answer(self, told: str) -> None:
        """Take an answer, if this process has asked for it."""
        answer = read_question(told, self._process)
        with self._answered:
            if answer is not None and answer.number in self._answers:
                self._answers[answer.number] = answer.about
                self._answered.notify_all()

    def awaited(self, nick: str) -> bytes | None:
        """Return whom a nick is kept for on another server. See `Neighbours.awaited`."""
        process, token, name = self._connections.ask(
            "HMGET", _nick_key(nick), "process", "token", "nick"
        )
        is_kept = process == b"" and nick_key(name.decode()) == nick_key(nick)
        return bytes.fromhex(token.decode()) if is_kept else None

    def holder(self, nick: str) -> tuple[bytes, str] | None:
        """Return who has a nick on another server. See `Neighbours.holder`."""
        found = self._find(nick)
        return None if found is None else (found.token, found.nick)

    def _find(self, nick: str) -> _NickClaim | None:
        """Return the claim of another living server to exactly this nick."""
        process, token, name = self._connections.ask(
            "HMGET", _nick_key(nick), "process", "token", "nick"
        )
        if not process or process == self._process.encode():
            return None
        claim = _NickClaim(process.decode(), bytes.fromhex(token.decode()), name.decode())
        if nick_key(claim.nick) != nick_key(nick):
            return None
        is_living = self._connections.ask("EXISTS", f"{LEASES}{claim.process}")
        return claim if is_living else None

    def show_members(self, rooms: Mapping[str, MembersChange], *, whole: bool) -> bool:
        """Tell the others who is in the rooms here. See `Neighbours.show_members`."""
        return self.members.show(rooms, whole=whole)

    def others(self) -> Mapping[str, ProcessFacts]:
        """Return the others that live. See `Neighbours.others`."""
        return self.living.others()

    def health(self) -> EngineHealth:
        """Return how Redis is doing. See `Neighbours.health`."""
        return self.living.health()

    def claimed(self) -> set[str]:
        """Return what this process has claimed. See `Neighbours.claimed`.

        Raises:
            StoreError: Redis could not be asked.
        """
        found = self._connections.ask("SMEMBERS", claims_key(self._process))
        return {look.decode() for look in found}

    def claim_all(self, nicks: Mapping[str, bytes], free: Iterable[str]) -> list[bytes]:
        """Claim the nicks of everybody who is here. See `Neighbours.claim_all`.

        Raises:
            StoreError: Redis could not be asked.
        """
        for look in free:
            keys = (f"{PREFIX}nick:{look}", claims_key(self._process))
            self._connections.ask_all([Call(DROP_NICK, keys, (self._process, "", 0))])
        lost: list[bytes] = []
        all_nicks = list(nicks.items())
        for start in range(0, len(all_nicks), PORTION):
            some = all_nicks[start : start + PORTION]
            found = self._connections.ask_all([self._claim(*each) for each in some])
            lost += [token for (_, token), holder in zip(some, found, strict=True) if holder]
        return lost

    def _claim(self, nick: str, token: bytes) -> Call:
        keys = (_nick_key(nick), claims_key(self._process))
        return Call(CLAIM_NICK, keys, (self._process, token.hex(), nick))


def read_question(told: str, process: str) -> Question | None:
    """Return what is for a process; None if it is for another one."""
    to, number, about = told.split(" ", 2)
    return Question(int(number), about) if to == process else None


def read_direct(written: str) -> Direct:
    """Return a message as `RedisNeighbours.tell` writes it."""
    return _directs.decode(written.encode())


def _nick_key(nick: str) -> str:
    return f"{PREFIX}nick:{nick_skeleton(nick)}"
