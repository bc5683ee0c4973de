"""The checker finds what is wrong, each kind by its name, and nothing where nothing is."""

from array import array
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.torture.caretaker import mark
from tests.torture.checker import check
from tests.torture.records import (
    Backup,
    Dialogue,
    Entry,
    Kept,
    Observations,
    Refusal,
    Reply,
    Said,
    Source,
    Stop,
    Stray,
    Stretch,
)

COUNT = 5
ROOM = "one"


def good_run() -> Observations:
    """ana says five things, and both she and ben see them; she comes back once in between."""
    said = [Said("ana", 1, number, ROOM, "text", f"ana {number}") for number in range(1, COUNT + 1)]
    entries = [Entry(ROOM, s.request, 100.0 + s.request, "ana", "text", s.text) for s in said]
    first = Dialogue("ana", 1, 1, asked=[1, 2, 3])
    first.replies = [Reply(1, "ok", 1), Reply(2, "ok", 2)]
    second = Dialogue("ana", 2, 1, asked=[3, 2, 4, 5, 6], goodbye="bye")
    second.replies = [Reply(n, "ok", n) for n in (3, 2, 4, 5)] + [Reply(6, "ok")]
    return Observations(
        entries=entries,
        said=said,
        dialogues=[first, second],
        stretches=[
            stretch("ana", 1, 0, [0, 1], moved=True),
            stretch("ana", 2, 2, [2, 3, 4]),
            stretch("ben", 1, 2, [2, 3, 4], moved=True),
        ],
        readers={"ana": [ROOM], "ben": [ROOM]},
        kept={ROOM: [Kept(entry, entry.seq) for entry in entries]},
        last_seqs={ROOM: COUNT},
        served={ROOM: list(entries)},
        stops=[Stop("SIGINT", 0, 0.5)],
    )


def stretch(
    client: str, connection: int, after: int, entries: list[int], *, moved: bool = False
) -> Stretch:
    return Stretch(client, connection, ROOM, Source.LIVE, after, moved, COUNT, array("Q", entries))


def rules(run: Observations) -> set[str]:
    return {violation.rule for violation in check(run)}


def with_log(run: Observations, kept: list[Kept]) -> Observations:
    """A run whose database and pages hold another log, consistent in itself."""
    numbered = [Kept(k.entry._replace(seq=n), k.request) for n, k in enumerate(kept, 1)]
    served = [row.entry for row in numbered]
    return replace(
        run, kept={ROOM: numbered}, served={ROOM: served}, last_seqs={ROOM: len(numbered)}
    )


def test_nothing_is_wrong_with_a_good_run() -> None:
    """Without this, the others mean nothing."""
    assert check(good_run()) == []


# -- the log


def test_a_lost_message() -> None:
    """It was confirmed, seen by nobody, and is in no log."""
    run = good_run()
    run = with_log(run, list(run.kept[ROOM][:-1]))
    run.stretches[1].entries.pop()
    run.stretches[2].entries.pop()
    assert rules(run) == {"lost"}


def test_a_lost_message_that_was_seen() -> None:
    """Whoever saw it has seen more than there is."""
    run = good_run()
    assert {"lost", "differs", "sequence"} <= rules(with_log(run, list(run.kept[ROOM][:-1])))


def test_a_doubled_message() -> None:
    """A request that came again is stored again, under the next number."""
    run = good_run()
    again = run.kept[ROOM][-1]
    assert "doubled" in rules(with_log(run, [*run.kept[ROOM], again]))


def test_a_reordered_log() -> None:
    """Two messages have changed places since they were confirmed."""
    run = good_run()
    kept = list(run.kept[ROOM])
    kept[1], kept[2] = kept[2], kept[1]
    assert {"moved", "differs"} <= rules(with_log(run, kept))


def test_a_gap_in_the_log() -> None:
    """A number is missing, though the message behind it is there."""
    run = good_run()
    kept = [row for row in run.kept[ROOM] if row.entry.seq != 3]
    run = replace(run, kept={ROOM: kept}, served={ROOM: [row.entry for row in kept]})
    assert {"log", "lost"} <= rules(run)


def test_a_forged_message() -> None:
    """Somebody is said to have said what nobody said."""
    run = good_run()
    forged = Kept(Entry(ROOM, 6, 106.0, "ana", "text", "not me"), 7)
    assert "forged" in rules(with_log(run, [*run.kept[ROOM], forged]))


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row._replace(request=99),
        lambda row: row._replace(entry=row.entry._replace(from_="ben")),
        lambda row: row._replace(entry=row.entry._replace(kind="action")),
    ],
)
def test_a_message_stored_as_something_else(change: Callable[[Kept], Kept]) -> None:
    """The text is right, and nothing else."""
    run = good_run()
    kept = list(run.kept[ROOM])
    kept[2] = change(kept[2])
    assert "forged" in rules(with_log(run, kept))


def test_pages_that_differ_from_the_database() -> None:
    """The server reads out another time than it stores."""
    run = good_run()
    served = list(run.served[ROOM])
    served[2] = served[2]._replace(time=1.0)
    assert rules(replace(run, served={ROOM: served})) == {"pages"}
    assert rules(replace(run, served={ROOM: served[:2]})) == {"pages"}


def test_a_room_that_ends_elsewhere_than_it_says() -> None:
    """The server would number the next message twice."""
    assert rules(replace(good_run(), last_seqs={ROOM: 4})) == {"log"}


# -- promises


def test_an_ok_that_is_contradicted() -> None:
    """Sent again, the same request gets another seq."""
    run = good_run()
    run.dialogues[1].replies[1] = Reply(2, "ok", 4)
    assert {"contradicted", "moved"} <= rules(run)


def test_an_ok_without_a_seq() -> None:
    """It confirms nothing."""
    run = good_run()
    run.dialogues[1].replies[2] = Reply(4, "ok")
    assert rules(run) == {"moved"}


def test_a_request_that_is_never_confirmed() -> None:
    """All was quiet, and still it had no reply."""
    run = good_run()
    del run.dialogues[1].replies[3]
    run.dialogues[1].goodbye = None
    assert rules(run) == {"unanswered"}


def test_a_refusal_that_may_be_tried_again_is_no_mistake() -> None:
    """As long as it is confirmed when it comes again."""
    run = good_run()
    run.dialogues[0].replies.append(Reply(3, "error", code="unavailable", try_again=True))
    assert rules(run) == set()


@pytest.mark.parametrize("pruned", [False, True])
@pytest.mark.parametrize("refused", [False, True])
def test_what_is_said_to_be_gone(refused: bool, pruned: bool) -> None:
    """Though it never was: that is for what was refused and came again, where some are deleted."""
    run = good_run()
    if pruned:
        run = replace(run, kept={ROOM: run.kept[ROOM][1:]}, served={ROOM: run.served[ROOM][1:]})
    run = replace(run, said=[*run.said, Said("ana", 1, 7, ROOM, "text", "ana 7")])
    dialogue = run.dialogues[0]
    dialogue.asked += [7, 7]
    if refused:
        dialogue.replies.append(Reply(7, "error", code="unavailable", try_again=True))
    dialogue.replies.append(Reply(7, "ok", gone=True))
    assert ("lost" in rules(run)) is not (refused and pruned)


def test_a_refusal_for_good() -> None:
    """A client that follows the rules is refused nothing."""
    run = good_run()
    run.dialogues[0].replies.append(Reply(3, "error", code="not_in_room"))
    assert rules(run) == {"refused", "replies"}


# -- what was seen


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([2, 4], id="gap"),
        pytest.param([2, 3, 3, 4], id="doubled"),
        pytest.param([3, 2, 4], id="reordered"),
        pytest.param([1, 2, 3, 4], id="too early"),
        pytest.param([2, 3], id="not to the end"),
        pytest.param([], id="nothing"),
    ],
)
@pytest.mark.parametrize("place", [1, 2])
def test_a_reader_that_sees_something_else(place: int, entries: list[int]) -> None:
    """Whether it was there all the time or came back."""
    run = good_run()
    run.stretches[place].entries[:] = array("Q", entries)
    assert rules(run) == {"sequence"}


def test_a_reader_that_goes_on_elsewhere() -> None:
    """Coming back, it is not where it was."""
    run = good_run()
    run.stretches[1].after = 3
    run.stretches[1].entries[:] = array("Q", [3, 4])
    assert rules(run) == {"sequence"}


def test_a_room_that_is_shorter_than_what_was_seen() -> None:
    """What the reader saw before is not there any more."""
    run = good_run()
    run.stretches[1].room_ended = 1
    assert rules(run) == {"sequence"}


def test_a_reader_that_sees_another_text() -> None:
    """The same seq, and not the same for everybody."""
    run = good_run()
    other = run.entries[3]._replace(text="ana 4 or so")
    run = replace(run, entries=[*run.entries, other])
    run.stretches[2].entries[1] = COUNT
    assert rules(run) == {"differs"}


def test_a_page_of_something_else() -> None:
    """Pages and former connections are held to the same, without being the one sequence."""
    run = good_run()
    page = Stretch("ben", 1, ROOM, Source.PAGE, 0, entries=array("Q", [0, 1, 2]))
    run = replace(run, stretches=[*run.stretches, page])
    assert rules(run) == set()
    del page.entries[1]
    assert rules(run) == {"sequence"}


def test_a_message_from_a_room_that_was_left() -> None:
    """Nothing of a room comes after the `ok` to a leave."""
    run = good_run()
    assert rules(replace(run, strays=[Stray("ben", 1, run.entries[0])])) == {"stray"}


# -- conversations


def test_a_second_reply() -> None:
    """Right as it may be, one was due."""
    run = good_run()
    run.dialogues[0].replies.append(Reply(1, "ok", 1))
    assert rules(run) == {"replies"}


def test_a_reply_to_nothing() -> None:
    """Nobody asked that."""
    run = good_run()
    run.dialogues[0].replies.append(Reply(9, "pong"))
    assert rules(run) == {"replies"}


def test_a_leave_taken_before_all_was_answered() -> None:
    """`bye` is answered last."""
    run = good_run()
    run.dialogues[1].asked.append(7)
    assert rules(run) == {"replies"}


@pytest.mark.parametrize(
    ("refusal", "wrong"),
    [
        (Refusal("nick_in_use", try_again=False, resuming=False), False),
        (Refusal("nick_in_use", try_again=False, resuming=True), True),
        (Refusal("unavailable", try_again=True, resuming=True), False),
        (Refusal("idle_timeout", try_again=False, resuming=True), True),
    ],
)
def test_a_refused_hello(refusal: Refusal, wrong: bool) -> None:
    """A session takes its nick back at once."""
    run = good_run()
    run.dialogues[0].refusals.append(refusal)
    assert rules(run) == ({"connection"} if wrong else set())


def test_a_connection_that_ends_without_a_reason() -> None:
    """A server that makes a mistake says so."""
    run = good_run()
    run.dialogues[0].goodbye = "internal"
    assert rules(run) == {"connection"}


def test_a_forgotten_session() -> None:
    """What had no reply would be lost with it; not so where nothing was answered at all."""
    run = good_run()
    eva = [Dialogue("eva", 1, 1), Dialogue("eva", 2, 2, forgotten=True)]
    assert rules(replace(run, dialogues=[*run.dialogues, *eva])) == set()
    ana = Dialogue("ana", 3, 2, forgotten=True)
    assert rules(replace(run, dialogues=[*run.dialogues, *eva, ana])) == {"session"}


def test_bytes_against_the_protocol() -> None:
    """A frame that is none."""
    run = good_run()
    run.dialogues[1].broken = "bad_frame"
    assert rules(run) == {"protocol"}


# -- the server


@pytest.mark.parametrize(
    "stop", [Stop("SIGINT", 1, 0.1), Stop("SIGINT", 0, 5.5), Stop("SIGTERM", None, 9.0)]
)
def test_a_stop_that_is_none(stop: Stop) -> None:
    """It fails, takes too long, or never ends."""
    assert rules(replace(good_run(), stops=[stop])) == {"stop"}


def test_a_mishap() -> None:
    """What goes wrong outside of any conversation counts as well."""
    assert rules(replace(good_run(), mishaps=["a traceback"])) == {"mishap"}


def test_a_violation_says_where_to_look() -> None:
    """Room, seq, client, what."""
    run = good_run()
    run.stretches[2].entries[:] = array("Q", [2, 4])
    (violation,) = check(run)
    assert str(violation) == (
        "sequence: room one, seq 5, ben: a gap: 4 was next on connection 1 (live)"
    )


def test_a_backup_is_the_start_of_the_log_with_all_that_was_seen() -> None:
    """A copy that lacks something, or has something else, is a violation each."""
    run = good_run()
    marks = [mark(kept.entry, kept.request) for kept in run.kept[ROOM]]
    good = [Backup({}, {}), Backup({ROOM: 3}, {ROOM: marks[:3]}), Backup({ROOM: 3}, {ROOM: marks})]
    assert rules(replace(run, backups=good)) == set()
    for bad in (
        Backup({ROOM: 3}, {ROOM: marks[:2]}),
        Backup({ROOM: 1}, {}),
        Backup({}, {ROOM: marks[1:]}),
        Backup({}, {ROOM: [*marks, 7]}),
        Backup({}, {ROOM: [marks[1], marks[0]]}),
    ):
        assert rules(replace(run, backups=[*good, bad])) == {"backup"}


def test_what_was_said_in_a_session_that_was_lost_at_once() -> None:
    """It need not be stored, as nothing was answered; the nick may be in use for a while."""
    run = good_run()
    refused = Refusal("nick_in_use", try_again=True, resuming=True)
    first = Dialogue("eva", 1, 1, asked=[1], refusals=[refused])
    second = Dialogue("eva", 2, 2, forgotten=True)
    said = Said("eva", 1, 1, ROOM, "text", "eva 1")
    run = replace(run, said=[*run.said, said], dialogues=[*run.dialogues, first, second])
    assert rules(run) == set()
    second.forgotten = False
    assert rules(run) == {"unanswered", "connection"}
