"""`admin top`: who costs what, as an operator types it."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chat_server.admin.costs import by_address, lines, ordered, shown, since
from chat_server.admin.messages import Cost
from tests.chat_server.admin.folders import Operator
from tests.chat_server.house import House
from tests.support.servers import ENVIRONMENT, ROOT, running_server


def cost(number: int, nick: str, host: str = "10.0.0.7", **members: Any) -> Cost:
    """What somebody costs."""
    counts: dict[str, Any] = dict.fromkeys(("requests", "received", "sent", "waiting", "lag"), 0)
    known = {"connected": 10.0, "queued": 0.0, "account": None, **counts, **members}
    return Cost(number=number, nick=nick, address=f"{host}:{number}", host=host, **known)


def test_who_asks_most_stands_first(operator: Operator) -> None:
    """By client; the bytes are counted in both directions."""
    with running_server(operator.data) as server, House(server) as house:
        ada, bob = house.enter("ada", "lobby"), house.enter("bob", "lobby")
        for _ in range(30):
            bob.ping()
        for _ in range(50):
            ada.say("lobby", "x" * 3000)
        bob.messages(50)
        first, second = operator.done("top", "--json").records
        by_in = operator.done("top", "--sort", "in", "--count", "1", "--json").records
        table = operator.done("top").lines
    assert [first["who"], second["who"]] == ["ada", "bob"]
    assert first["requests"] == 52
    assert first["received"] > 150_000
    assert min(first["sent"], second["sent"]) > 150_000
    assert [each["who"] for each in by_in] == ["ada"]
    assert table[0].split()[:2] == ["client", "address"]
    assert table[1].startswith("ada ")


def test_by_address(operator: Operator) -> None:
    """All clients from one are one line."""
    with running_server(operator.data) as server, House(server) as house:
        house.enter("ada")
        house.enter("bob").ping()
        (record,) = operator.done("top", "--by", "address", "--json").records
    assert (record["who"], record["clients"], record["requests"]) == ("127.0.0.1", 2, 3)


@pytest.mark.long
def test_who_does_not_read_lags(operator: Operator) -> None:
    """And stands first by that."""
    with running_server(operator.data) as server, House(server) as house:
        ada = house.enter("ada", "lobby")
        house.enter("deaf", "lobby")
        for _ in range(3000):
            ada.post("say", room="lobby", text="x" * 4000)
        ada.messages(3000)
        first = operator.done("top", "--sort", "lag", "--json").records[0]
    assert first["who"] == "deaf"
    assert first["lag"] > 0
    assert first["waiting"] > 0


def test_without_anybody(operator: Operator) -> None:
    """It says so."""
    with running_server(operator.data):
        assert operator.done("top").lines == ["none"]


@pytest.mark.parametrize("arguments", [("--watch", "0"), ("--count", "0"), ("--sort", "nick")])
def test_wrong_use(operator: Operator, arguments: tuple[str, str]) -> None:
    """Exit code 2."""
    assert operator.types("top", *arguments).code == 2


def test_watching(tmp_path: Path) -> None:
    """Look after look, each with what came since the last; Ctrl-C ends it."""
    command = [sys.executable, "-m", "chat_server", "admin", "top", "--watch", "0.2", "--json"]
    with running_server(tmp_path) as server, House(server) as house:
        ada = house.enter("ada")
        with subprocess.Popen(
            [*command, "--data", tmp_path], cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            looks: Iterator[dict[str, Any]] = (json.loads(line) for line in child.stdout)
            assert next(looks)["requests"] == 1
            for _ in range(5):
                ada.ping()
            counted = 0
            while counted < 5:
                counted += next(looks)["requests"]
            assert counted == 5
            child.send_signal(signal.SIGINT)
            assert child.wait(10) == 130


def test_what_came_since() -> None:
    """Who is new counts from the beginning; another at the same place is new, too."""
    before = [cost(1, "ada", requests=10, sent=100), cost(2, "bob", host="10.0.0.8", requests=5)]
    now = [
        cost(1, "ada", requests=15, sent=400),
        cost(2, "eve", host="10.0.0.9", requests=7),
        cost(3, "kim", requests=1),
    ]
    found = since(now, before, 2.0)
    assert [(each.requests, each.connected) for each in found] == [(5, 2.0), (7, 10.0), (1, 10.0)]
    assert [each.who for each in ordered(lines(found), "requests")] == ["eve", "ada", "kim"]


def test_what_is_shown() -> None:
    """Rates, or what came together; and nothing that drives a terminal."""
    rows = [cost(1, "a\x1b[2Jda", requests=10, received=2000, sent=4000, lag=3, waiting=1500)]
    whole = shown(lines(rows), rates=False, people=True, colours=False)
    assert "2.0 kB" in whole
    assert "3 (1.5 kB)" in whole
    assert "\x1b" not in whole
    rates = shown(by_address(rows), rates=True, people=False, colours=False)
    assert "requests/s" in rates
    assert "200 bytes" in rates
