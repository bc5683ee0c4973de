"""Several addresses of one chat: the next one is tried when a server is gone."""

import threading
from pathlib import Path

import pytest

import chat_client
from chat_client import (
    Connected,
    ConnectError,
    Ended,
    Entered,
    Message,
    Pinned,
    Reconnecting,
    Refused,
    TlsAddress,
    Trusted,
    Unconfirmed,
)
from chat_client.display.terminal_lines import Lines
from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.recorder import Recorder
from tests.support.peer import Peer
from tests.support.ports import free_port
from tests.support.proxy import Proxy
from tests.support.servers import ServerProcess, address_of, running_server
from tests.support.tls import make_files
from tests.support.waiting import DEADLINE, eventually

pytestmark = pytest.mark.usefixtures("_quick")


def nobody() -> str:
    """An address where nobody listens."""
    return f"127.0.0.1:{free_port()}"


def bare(address: str) -> str:
    """An address as the client shows it."""
    return address.removeprefix("tcp://")


def test_nothing_is_lost_or_doubled_on_another_way_to_the_same_rooms() -> None:
    """The session is taken up at the next address, with its nick, rooms and unanswered texts."""
    recorder = Recorder()
    with running_server() as server, Proxy(address_of(server)) as second:
        with Proxy(address_of(server)) as first:
            chat = chat_client.connect(
                [first.address, second.address], nick="ana", on_event=recorder
            )
            room = chat.join("lobby")
            assert room.say("one") == 1
            first.link().stall()  # what is said now gets no answer
            talker = threading.Thread(target=room.say, args=("two",))
            talker.start()
        with chat:
            talker.join(DEADLINE)
            assert not talker.is_alive()
            assert room.say("three") == 3
            assert room.wait_for(3, DEADLINE)
            heard = recorder.of(Message)
            assert [(each.seq, each.text) for each in heard] == [
                (1, "one"),
                (2, "two"),
                (3, "three"),
            ]
    came = recorder.of(Connected)
    assert [(each.nick, each.address, each.moved, each.forgotten) for each in came] == [
        ("ana", bare(first.address), False, False),
        ("ana", bare(second.address), True, False),
    ]
    assert recorder.of(Reconnecting)[-1].address == bare(second.address)


def test_a_connection_that_broke_is_made_again_to_the_same_server() -> None:
    """A short failure of the network must not divide a room among servers."""
    recorder = Recorder()
    with running_server() as server, running_server() as other, Proxy(address_of(server)) as proxy:
        where = [proxy.address, address_of(other)]
        with chat_client.connect(where, nick="ana", on_event=recorder) as chat:
            room = chat.join("lobby")
            proxy.link().cut()
            assert room.say("still here") == 1
    assert [each.address for each in recorder.of(Connected)] == [bare(proxy.address)] * 2
    assert not any(each.address for each in recorder.of(Reconnecting))


def test_servers_that_share_nothing(tmp_path: Path) -> None:
    """One is killed. The next has a log of its own and does not know the session: both are told."""
    recorder = Recorder()
    with (
        ServerProcess.serve(tmp_path / "a") as first,
        ServerProcess.serve(tmp_path / "b") as second,
        Peer.connect(second.address) as peer,
    ):
        peer.hello("ben")
        peer.join("lobby")
        peer.say("lobby", "other one")
        servers = f"{first.address},{second.address}"
        with chat_client.connect(servers, nick="ana", on_event=recorder) as chat:
            room = chat.join("lobby", after=0)
            assert [room.say(text) for text in ("one", "two")] == [1, 2]
            assert room.wait_for(2, DEADLINE)
            first.kill()
            eventually(lambda: len(recorder.of(Connected)) == 2)
            assert room.say("three") == 2
            assert room.wait_for(2, DEADLINE)
            eventually(lambda: len(recorder.of(Message)) == 4)
    assert [each.text for each in recorder.of(Message)] == ["one", "two", "other one", "three"]
    moved = recorder.of(Connected)[1]
    assert (moved.moved, moved.forgotten) == (True, True)
    assert moved.address == bare(second.address)
    again = recorder.of(Entered)[1]
    assert (again.again, again.after, again.gone) == (True, 0, 2)
    told = Lines(0).of(moved, "ana", None) or ""
    assert told.endswith(
        f"connected again, to {moved.address}, as ana; the server does not know your session: "
        "you are new there"
    )


def test_what_was_not_answered_is_not_said_to_a_server_that_does_not_know_us() -> None:
    """The caller learns that nobody knows whether it was stored."""

    def first(line: Line) -> None:
        line.welcome()
        line.admit()
        line.expect("say")
        line.send("goodbye", code="shutting_down", text="Later.")

    with (
        running_server() as other,
        foreign_server(first) as address,
        chat_client.connect([address, address_of(other)], nick="ana") as chat,
    ):
        room = chat.join("lobby")
        with pytest.raises(Unconfirmed):
            room.say("one")
        assert room.say("two") == 1


def test_the_first_that_answers_lets_us_in() -> None:
    """At the start each is tried at once, in their order."""
    dead = nobody()
    with running_server() as server:
        recorder = Recorder()
        with chat_client.connect(
            f"{dead},{address_of(server)}", nick="ana", on_event=recorder
        ) as chat:
            assert chat.join("lobby").say("one") == 1
    assert [each.moved for each in recorder.of(Connected)] == [False]
    assert not recorder.of(Reconnecting)


def test_a_server_that_is_full_sends_us_on() -> None:
    """What concerns one server alone is no reason to give up."""
    recorder = Recorder()
    with (
        running_server(connections=1) as full,
        running_server() as free,
        Peer.connect(address_of(full)) as peer,
    ):
        peer.hello("ben")
        where = [address_of(full), address_of(free)]
        with chat_client.connect(where, nick="ana", on_event=recorder):
            (came,) = recorder.of(Connected)
    assert came.address == bare(where[1])


def test_none_answers() -> None:
    """The sentence names each, and why."""
    one, two = nobody(), nobody()
    with pytest.raises(ConnectError) as caught:
        chat_client.connect([one, two], nick="ana")
    text = str(caught.value)
    assert text.startswith(f"none of the 2 servers lets us in: cannot connect to {one}: nobody ")
    assert f"; cannot connect to {two}: nobody listens there. Check the addresses" in text


def test_a_refusal_that_concerns_us_is_final() -> None:
    """Whose nick is taken at one server does not get in at the next without noticing."""
    with (
        running_server() as server,
        running_server() as other,
        Peer.connect(address_of(server)) as peer,
    ):
        peer.hello("ana")
        with pytest.raises(Refused) as caught:
            chat_client.connect([address_of(server), address_of(other)], nick="ana")
    assert caught.value.code == "nick_in_use"


def test_each_server_has_a_trust_of_its_own(tmp_path: Path) -> None:
    """A pin for each: the next one is believed only if it has its own certificate."""
    files = [make_files(tmp_path, name) for name in ("a", "b")]
    recorder = Recorder()
    with running_server(tls_cert=files[1].certificate, tls_key=files[1].key) as second:
        with running_server(tls_cert=files[0].certificate, tls_key=files[0].key) as first:
            pins = [server.fingerprint or "" for server in (first, second)]
            hosts = [server.addresses[0][:2] for server in (first, second)]
            right = [TlsAddress(*host, Pinned(pin)) for host, pin in zip(hosts, pins, strict=True)]
            wrong = [right[0], TlsAddress(*hosts[1], Pinned(pins[0]))]
            deceived = chat_client.connect(wrong, nick="eva", on_event=recorder)
            chat = chat_client.connect(right, nick="ana")
        with chat, deceived:
            assert chat.join("lobby").say("one") == 1
            eventually(lambda: recorder.of(Ended))
    assert "is not the server of that fingerprint" in (recorder.of(Ended)[0].reason or "")


def test_a_certificate_that_is_seen_first_is_kept_for_its_own_address(tmp_path: Path) -> None:
    """Each address is a line of its own in the file of known servers."""
    files = make_files(tmp_path, "b")
    recorder = Recorder()
    with running_server(tls_cert=files.certificate, tls_key=files.key) as second:
        with running_server() as first:
            where = [address_of(first), address_of(second)]
            chat = chat_client.connect(where, nick="ana", on_event=recorder)
        with chat:
            assert chat.join("lobby").say("one") == 1
    assert [each.server for each in recorder.of(Trusted)] == [where[1].removeprefix("tls://")]
