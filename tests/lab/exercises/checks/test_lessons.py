"""The checks of the exercises that are no step, on right and wrong servers."""

from dataclasses import replace

import pytest

from tests.lab.exercises.student_servers import (
    GENEROUS,
    SERVERS,
    answer_of,
    answers_can_be_imported,
    check,
    expect_wrong,
)

pytestmark = [pytest.mark.long, pytest.mark.alone]

NAMES = ["backpressure", "dead-peers", "one-thread", "both-families", "udp"]


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_passes(name: str) -> None:
    """Nothing is asked for that the model answer does not do."""
    outcome = check(name, answer_of(name))
    assert outcome.passed, outcome


def test_wrong_servers() -> None:
    """Each is told what it did, and what to read."""
    expect_wrong(
        {
            "backpressure/no_bound": ("The sink stops reading", "The source could send 24 MB"),
            "backpressure/drops": ("The sink stops reading", "The source could send 24 MB"),
            "backpressure/gives_up": ("The sink stops reading", "server closed the source's"),
            "backpressure/forgets_the_rest": ("Nothing is lost by waiting", "server closed the"),
            "dead-peers/asks_for_ever": ("Close who does not answer", '"ping\\n'),
            "dead-peers/does_not_listen": ("Ask who says nothing", "the server closed"),
            "dead-peers/pong_comes_back": ("Ask who says nothing", 'received "pong\\n'),
            "one-thread/thread_for_each": ("No thread for each", "start 149 threads"),
            "one-thread/loses_the_rest": ("One does not read", "closed the connection after"),
            "both-families/ipv4_only": ("The other localhost", "connected to ::1 was refused"),
            "both-families/mapped": ("Tell them who they are", 'received "::ffff:127.0.0.1'),
            "both-families/own_port": ("Tell them who they are", 'received "127.0.0.1'),
            "udp/a_kilobyte": ("A large datagram", "(1,026 bytes)"),
            "udp/one_counter": ("Answer the sender", 'and received "'),
        },
        silent={
            "dead-peers/never_asks": ("Ask who says nothing", "was silent and received nothing"),
            "one-thread/sendall": ("One does not read", 'sent "and me?" while client 1 did not'),
            "udp/ends_at_nothing": ("An empty datagram", "because your server ended with exit"),
        },
    )


def test_a_server_for_datagrams_that_speaks_tcp() -> None:
    """Nothing says that nobody is there, so the check asks until the time for a start is over."""
    with answers_can_be_imported():
        outcome = check("udp", SERVERS / "udp" / "tcp.py", replace(GENEROUS, start=1.5))
    assert "No datagram was answered by port" in outcome.sentence
    assert outcome.heading == "Answer the sender"
