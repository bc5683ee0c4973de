"""People with accounts, and what tests of them need."""

import threading
from typing import Literal

from argon2 import PasswordHasher

from chat_server.server import Server
from tests.chat_server.house import House
from tests.support.peer import Frame, Peer

PASSWORD = "open sesame"
CYRILLIC_ADA = "\u0430d\u0430"


def register(house: House, nick: str, password: str = PASSWORD) -> Peer:
    """Somebody comes in and makes an account."""
    peer = house.enter(nick)
    assert peer.ok("register", password=password)["account"] == nick
    return peer


def leave(peer: Peer) -> None:
    """Go, politely, so that the nick is free."""
    peer.ok("bye")
    peer.expect_end("bye")


def refused(answer: Frame, code: str) -> str:
    """Check that an answer refuses, and return its sentence."""
    assert (answer["type"], answer["code"]) == ("error", code), answer
    text: str = answer["text"]
    return text


class Slow(PasswordHasher):
    """A real hasher that waits before it hashes, or compares, until it is let go."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self._entered = threading.Event()
        self.go_on = threading.Event()

    def wait_until_entered(self) -> None:
        """Wait until somebody waits here."""
        assert self._entered.wait(10)

    def _pass(self) -> None:
        if not self.go_on.is_set():
            self._entered.set()
            self.go_on.wait(10)

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        """The same, later."""
        self._pass()
        return super().hash(password, salt=salt)

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        """The same, later."""
        self._pass()
        return super().verify(hash, password)


def secret_of(server: Server) -> str:
    """What it would print at its first start."""
    assert server.owner_secret
    return server.owner_secret


def role_of(house: House, peer: Peer) -> str:
    """What the server says when the session is taken up again. The peer is replaced."""
    role: str = house.connect().hello(peer.nick, session=peer.session)["role"]
    return role
