"""Limits: each is stated, enforced, and its refusal names the rule and when to try again."""

from pathlib import Path
from typing import Any

from chat_server.requests.rate_limit import CLIENTS_PER_ADDRESS, ConnectionRate, RateLimits
from chat_server.runtime.config.settings import LiveSettings, Settings
from protocol.errors import Code
from tests.chat_server.house import House, seqs, texts, whole_log
from tests.support.clock import ManualClock
from tests.support.peer import Frame, Peer, encode
from tests.support.servers import ServerProcess, running_server
from tests.support.waiting import eventually

LIMITS: dict[str, Any] = {
    "connections": 7,
    "connections_per_address": 6,
    "rooms_per_client": 5,
    "rooms": 9,
    "requests_per_second": 123.0,
    "requests_burst": 456,
}


def test_welcome_states_the_limits() -> None:
    """What is enforced is told, and what is told is enforced (the tests below)."""
    with running_server(**LIMITS) as server, House(server) as house:
        limits = house.connect().hello("ada")["limits"]
        assert {name: limits[name] for name in LIMITS} == LIMITS


def says(first: int, count: int) -> list[Frame]:
    return [
        {"type": "say", "id": n, "room": "lobby", "text": f"{n}"}
        for n in range(first, first + count)
    ]


def send(peer: Peer, frames: list[Frame]) -> list[Frame]:
    """Send requests in one piece and return the replies."""
    peer.send_raw(b"".join(map(encode, frames)))
    return [peer.reply(frame["id"]) for frame in frames]


def test_who_asks_too_fast_is_told_when_to_ask_again() -> None:
    """`rate_limited` with `retry_after`, not fatal; after that time the same request is done."""
    clock = ManualClock()
    with (
        running_server(clock=clock, requests_per_second=10.0, requests_burst=20) as server,
        House(server) as house,
    ):
        ada = house.enter("ada", "lobby")
        clock.advance(5)
        replies = send(ada, says(100, 30))
        assert [reply["type"] for reply in replies] == ["ok"] * 20 + ["error"] * 10
        for refusal in replies[20:]:
            assert refusal["code"] == "rate_limited"
            assert "10" in refusal["text"]
            assert 0 < refusal["retry_after"] <= 3
        clock.advance(replies[-1]["retry_after"])
        again = send(ada, says(120, 1))
        clock.advance(1)
        again += send(ada, says(121, 9))
        assert [reply["type"] for reply in again] == ["ok"] * 10
        clock.advance(5)
        assert texts(whole_log(ada, "lobby")) == [str(n) for n in range(100, 130)]


def test_who_goes_on_when_refused_is_a_flooder() -> None:
    """`flooding` is fatal; what was done before is kept, and the others talk on."""
    clock = ManualClock()
    with (
        running_server(clock=clock, requests_per_second=10.0, requests_burst=20) as server,
        House(server) as house,
    ):
        ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
        clock.advance(5)
        ada.send_raw(b"".join(map(encode, says(100, 200))))
        frames = ada.expect_end("flooding")
        codes = [frame["code"] for frame in frames if frame["type"] == "error"]
        assert set(codes[:-1]) == {"rate_limited"}
        assert codes[-1] == "flooding"
        assert seqs([f for f in frames if f["type"] == "ok"]) == list(range(1, 21))
        assert eva.say("lobby", "21") == 21
        clock.advance(5)
        assert house.connect().hello("ada", session=ada.session)["type"] == "welcome"


def test_a_steady_talker_is_never_refused() -> None:
    """At the rate, for as long as one likes."""
    clock = ManualClock()
    with (
        running_server(clock=clock, requests_per_second=10.0, requests_burst=20) as server,
        House(server) as house,
    ):
        ada = house.enter("ada", "lobby")
        for n in range(200):
            clock.advance(0.1)
            assert ada.say("lobby", f"{n}") == n + 1


def test_wrong_requests_count_as_well() -> None:
    """Nonsense is not cheaper than sense."""
    with (
        running_server(clock=ManualClock(), requests_per_second=10.0, requests_burst=20) as server,
        House(server) as house,
    ):
        ada = house.enter("ada")
        ada.send_raw(encode({"type": "shout", "id": 1}) * 100)
        ada.expect_end("flooding")


def test_the_defaults_do_not_get_in_the_way_of_a_class(tmp_path: Path) -> None:
    """300 clients of one address come in at once, and each pastes 100 lines."""
    with ServerProcess("--host", "127.0.0.1", "--port", "0", "--data", tmp_path) as server:
        server.wait_until_listening()
        with House(server.address) as house:
            peers = [house.enter(f"student{n}", f"room{n % 30}") for n in range(300)]
            for peer in peers[:30]:
                assert {reply["type"] for reply in _paste(peer)} == {"ok"}


def _paste(peer: Peer) -> list[Frame]:
    (room,) = (f"room{int(peer.nick.removeprefix('student')) % 30}",)
    ids = [peer.post("say", room=room, text=f"line {n}") for n in range(100)]
    return [peer.reply(identity) for identity in ids]


def test_lab_lifts_what_a_load_test_would_run_into(tmp_path: Path) -> None:
    """`--no-limits`: no request rate, no limit per address; and welcome says so."""
    with ServerProcess.serve(tmp_path, "--no-limits") as server, House(server.address) as house:
        ada = house.enter("ada", "lobby")
        limits = house.connect().hello("eva")["limits"]
        assert limits.get("requests_per_second") is None
        assert limits.get("connections_per_address") is None
        ids = [ada.post("say", room="lobby", text=f"{n}") for n in range(6000)]
        for identity in ids:
            assert ada.reply(identity, within=30)["type"] == "ok"
            ada.queue.clear()  # or each reply would be looked for in all that was heard


# -- whose limit it is ----------------------------------------------------------------------------


def limits(clock: ManualClock) -> RateLimits:
    """Ten requests a second after forty at once."""
    settings = Settings(requests_per_second=10.0, requests_burst=40)
    return RateLimits(LiveSettings(settings), clock)


def connected(known: RateLimits, host: str, token: bytes | None = None) -> ConnectionRate:
    """The limit of a new connection, which takes up a session."""
    rate = known.of_connection(host)
    assert rate is not None
    if token is not None:
        rate.begin(token)
    return rate


def taken(rate: ConnectionRate, most: int = 10_000) -> int:
    """How many requests are let through until one is refused."""
    return next((count for count in range(most) if rate.take() is not None), most)


def test_who_reconnects_goes_on_with_the_session_s_bucket() -> None:
    """It fills while nobody is connected; another session has its own."""
    clock = ManualClock()
    known = limits(clock)
    assert taken(connected(known, "10.0.0.1", b"ada")) == 39  # after the hello
    assert taken(connected(known, "10.0.0.2", b"ada")) == 0
    assert taken(connected(known, "10.0.0.1", b"eva")) == 39
    clock.advance(2)
    assert 10 < taken(connected(known, "10.0.0.1", b"ada")) <= 20


def test_new_sessions_from_one_address_share_its_bucket() -> None:
    """There is enough for a class. A client is not a flooder because of others' requests."""
    clock = ManualClock()
    known = limits(clock)
    done = 0
    for number in range(2 * CLIENTS_PER_ADDRESS):
        done += taken(connected(known, f"2001:db8::{number:x}", bytes([number])))
    assert done == 40 * CLIENTS_PER_ADDRESS
    rate = connected(known, "2001:db8::ffff", b"new")
    refusals = [rate.take() for _ in range(20)]
    assert {each.code for each in refusals if each} == {Code.RATE_LIMITED}
    assert len(refusals) == 20
    assert taken(connected(known, "2001:db8:1::1", b"elsewhere")) == 39
    clock.advance(1)
    assert rate.take() is None


def test_a_new_session_goes_on_with_what_the_last_one_left() -> None:
    """Over IRC and lines each connection is a new session."""
    clock = ManualClock()
    known = limits(clock)
    asked = 0
    for number in range(50):
        rate = connected(known, "192.0.2.1", b"%d" % number)
        asked += taken(rate, 500)
        rate.end()
        clock.advance(0.1)
    assert asked <= 40 + 50  # the burst once, and 10 a second for 5 s
    assert taken(connected(known, "192.0.2.2", b"elsewhere"), 500) == 39


def test_who_comes_to_an_address_after_a_flooder_has_no_debt() -> None:
    clock = ManualClock()
    known = limits(clock)
    flooder = connected(known, "192.0.2.1", b"flooder")
    for _ in range(40):
        flooder.take()
    flooder.end()
    assert connected(known, "192.0.2.1", b"first").take() is not None
    assert taken(connected(known, "192.0.2.1", b"second"), 500) == 39, "one takes it over"
    clock.advance(1)
    third = connected(known, "192.0.2.1", b"third")
    assert taken(third, 500) == 39
    third.end()
    clock.advance(1)
    assert taken(connected(known, "192.0.2.1", b"fourth"), 500) < 10


def test_what_is_left_at_an_address_is_forgotten_when_it_is_full() -> None:
    clock = ManualClock()
    known = limits(clock)
    for number in range(100):
        rate = connected(known, f"192.0.2.{number}", b"%d" % number)
        taken(rate, 5)
        rate.end()
        clock.advance(1)
    assert len(known._left) <= 3


def test_buckets_that_are_full_are_forgotten() -> None:
    """Memory is for those who asked a moment ago."""
    clock = ManualClock()
    known = limits(clock)
    for number in range(500):
        connected(known, f"10.0.{number}.1", str(number).encode()).take()
    assert len(known) == 1000
    clock.advance(10)
    for _ in range(1000):
        connected(known, "10.9.9.9")
    assert len(known) <= 2


def used_up(house: House) -> Peer:
    """Enter, and ask until something is refused."""
    ada = house.enter("ada")
    while ada.request("ping")["type"] == "pong":
        pass
    return ada


def test_a_new_connection_of_a_session_has_no_full_bucket() -> None:
    """On the wire: who used up the burst is refused on the next connection as well."""
    with (
        running_server(requests_per_second=0.5, requests_burst=5) as server,
        House(server) as house,
    ):
        ada = used_up(house)
        again = house.enter("ada", session=ada.session)
        assert again.request("ping")["code"] == "rate_limited"


def test_who_comes_back_as_somebody_else_has_no_full_bucket_either() -> None:
    """On the wire: a session is new each time where nobody keeps it."""
    with (
        running_server(requests_per_second=0.5, requests_burst=5) as server,
        House(server) as house,
    ):
        used_up(house).close()
        eventually(lambda: not server._crowd.connections())
        assert house.enter("eva").request("ping")["code"] == "rate_limited"
