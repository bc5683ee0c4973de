"""The checks of steps 6 to 8, 10 and 11, on right and wrong servers."""

import pytest

from tests.lab.exercises.student_servers import (
    SERVERS,
    answer_of,
    answers_can_be_imported,
    check,
    expect_wrong,
)

pytestmark = [pytest.mark.long, pytest.mark.alone]


@pytest.mark.parametrize("name", ["broadcast", "names", "leaving", "numbers", "rooms"])
def test_the_answer_passes(name: str) -> None:
    """Nothing is asked for that the model answer does not do."""
    outcome = check(name, answer_of(name))
    assert outcome.passed, outcome


def test_wrong_servers() -> None:
    """Each is told what it did, and what to read."""
    expect_wrong(
        {
            "broadcast/twice": ("Nothing lost, nothing twice, nothing mixed", 'received "hello"'),
            "broadcast/with_a_number": (
                "Everybody gets it, you too",
                'the frame "1 client 1 is here", but the frame "client 1 is here" was expected',
            ),
            "names/two_with_a_name": ("A name that is taken", 'the frame "anna" and received'),
            "names/nameless_hears": ("A name that is taken", '"ben: only for us"'),
            "names/hangs_up": ("A name that is taken", "the server closed the connection"),
            "names/any_name": ("Who has no name hears nothing", 'the frame "ok", but the'),
            "names/looks_then_takes": (
                "Two at the same moment",
                '10 clients asked for the name "dora" at once, and 10 of them received "ok"',
            ),
            "leaving/told_twice": ("The three ways to leave", 'received the frame "- carl"'),
            "leaving/name_kept": ("The three ways to leave", '"error taken", but the frame "ok"'),
            "numbers/no_lock": ("All at once", "but a message with the number"),
            "numbers/each_their_own": ("Count from 1", '"1 ben: hello", but the frame "2 ben'),
            "numbers/counts_notices": ("Notices have no number", 'the frame "3 anna: who was'),
            "numbers/sent_later": ("All at once", "but a message with the number"),
            "numbers/another_for_carl": ("The same for everybody", "Message 20 is "),
            "rooms/all_hear_all": ("Each room counts for itself", '"1 anna: tea, please", but'),
            "rooms/one_counter": ("Each room counts for itself", '"2 anna: tea, please", but'),
            "rooms/in_two_rooms": ("/join moves you", '"- ben"'),
            "rooms/bad_room": (
                "A bad command",
                '"/join" and received the frame "+ carl"',
            ),
        },
        silent={
            "broadcast/not_to_the_sender": (
                "Everybody gets it, you too",
                "Client 1 sent the frame",
            ),
            "broadcast/loses_one": ("Everybody gets it, you too", "nothing more for 3 s"),
            "broadcast/dead_client": ("Who has left is no member", "after they left"),
            "leaving/says_nothing": ("Who comes and who leaves", "waited after carl had left"),
            "leaving/reset_unheard": ("The three ways to leave", "waited after carl had left"),
            "rooms/two_locks": ("Two rooms, two directions", 'but the answer to "/who" was'),
        },
    )


def test_a_nameless_client_is_told_of() -> None:
    """When the notice comes is for the threads to decide, and so which paragraph it breaks."""
    with answers_can_be_imported():
        outcome = check("leaving", SERVERS / "leaving" / "nameless_told.py")
    assert outcome.heading in {"Once, and only who was there", "Come and go"}, outcome
    assert 'received the frame "- somebody"' in outcome.sentence
