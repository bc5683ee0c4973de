"""What the checker makes of logs of which only the newest part is kept: each kind of fault."""

from array import array
from dataclasses import replace

from tests.torture.caretaker import mark
from tests.torture.checker import check
from tests.torture.records import (
    Backup,
    Entry,
    Glimpse,
    Observations,
    Reply,
    Said,
    Sighting,
    Source,
    Stretch,
    Utterance,
)
from tests.torture.room_log import room_logs
from tests.torture.test_checker import COUNT, ROOM, good_run, rules

KEEP = 2


def pruned_run() -> Observations:
    """As `good_run`, and the last two messages are kept; eve comes late, and is told so."""
    run = good_run()
    late = Stretch("eve", 1, ROOM, Source.LIVE, 0, True, COUNT, array("Q", [3, 4]), [(0, 4)])
    return replace(
        run,
        keep=KEEP,
        kept={ROOM: run.kept[ROOM][-KEEP:]},
        served={ROOM: run.served[ROOM][-KEEP:]},
        stretches=[*run.stretches, late],
    )


def test_what_is_not_to_be_kept_may_be_gone() -> None:
    """Without this, the others mean nothing. What was confirmed or seen is known all the same."""
    run = pruned_run()
    assert check(run) == []
    log = room_logs(run)[ROOM]
    assert [row.entry.seq for row in log.gone] == [1, 2, 3]
    assert (log.first, log.last, log.unknown) == (4, 5, 0)


def test_more_may_be_kept_and_more_may_be_served() -> None:
    """It is deleted later."""
    run = pruned_run()
    whole = good_run()
    assert check(replace(run, served=whole.served)) == []
    assert rules(replace(run, kept=whole.kept, served=whole.served)) == {"sequence"}  # eve was told
    run.stretches[-1].oldest.clear()
    run.stretches[-1].after = 3
    assert check(replace(run, kept=whole.kept, served=whole.served)) == []


def test_all_of_it_is_kept_if_nobody_said_otherwise() -> None:
    """A log that begins at 4 is none then."""
    assert "log" in rules(replace(pruned_run(), keep=None))


def test_less_than_is_to_be_kept() -> None:
    """The newest of them are."""
    assert rules(replace(pruned_run(), keep=3)) == {"log", "sequence"}


def test_a_gap_that_nobody_was_told_of() -> None:
    """Also where what is missing is gone."""
    run = pruned_run()
    run.stretches[-1].oldest.clear()
    assert rules(run) == {"sequence"}


def test_a_gap_that_goes_on_behind_the_oldest() -> None:
    """What is kept comes."""
    run = pruned_run()
    del run.stretches[-1].entries[0]
    assert rules(run) == {"sequence"}


def test_what_is_gone_was_as_it_was_said() -> None:
    """Two saw it with different texts."""
    run = pruned_run()
    run = replace(run, entries=[*run.entries, run.entries[0]._replace(text="forged")])
    run.stretches[0].entries[0] = COUNT
    assert rules(run) == {"differs"}


def test_what_is_gone_was_stored_once() -> None:
    """It was confirmed under one number, and stands at another."""
    run = pruned_run()
    run.dialogues[1].replies[3] = Reply(5, "ok", 3)
    assert rules(run) == {"moved"}
    run = pruned_run()
    again = Entry(ROOM, 5, 105.0, "ana", "text", "ana 1")
    kept = [run.kept[ROOM][0], run.kept[ROOM][1]._replace(entry=again, request=1)]
    assert "doubled" in rules(replace(run, kept={ROOM: kept}))


def test_an_answer_that_something_is_gone() -> None:
    """It is as good as one with a number, but for what is kept, and for what never was there."""
    run = pruned_run()
    run.dialogues[1].replies[1] = Reply(2, "ok", gone=True)
    assert check(run) == []
    run.dialogues[1].replies[2] = Reply(4, "ok", gone=True)
    assert rules(run) == {"contradicted"}
    run = pruned_run()
    said = Said("ana", 1, 9, ROOM, "text", "ana 9")
    run.dialogues[1].asked.append(9)
    run.dialogues[1].replies.append(Reply(9, "ok", gone=True))
    assert rules(replace(run, said=[*run.said, said])) == {"lost"}


def test_a_change_of_what_is_gone() -> None:
    """It is refused; of what is kept it is not."""
    for changes, expected in ((2, set[str]()), (4, {"unanswered", "refused", "replies"})):
        run = pruned_run()
        said = Said("ana", 1, 9, ROOM, "edit", "ana 9", changes)
        run.dialogues[1].asked.append(9)
        run.dialogues[1].replies.append(Reply(9, "error", code="no_such_message"))
        assert rules(replace(run, said=[*run.said, said])) == expected


def test_edits_of_what_is_gone() -> None:
    """Those who saw the message before and after it are both right; what is stored last is so."""
    run = pruned_run()
    edit = Said("ana", 1, 3, ROOM, "edit", "ana 1, better", 1)
    entries = list(run.entries)
    entries[2] = Entry(ROOM, 3, 103.0, "ana", "edit", "ana 1, better", 1)
    entries.append(entries[0]._replace(text="ana 1, better", edited=True))
    page = Stretch("ben", 1, ROOM, Source.PAGE, 0, entries=array("Q", [COUNT, 1, 2]))
    said = [*run.said[:2], edit, *run.said[3:]]
    run = replace(run, entries=entries, said=said, stretches=[*run.stretches, page])
    run.stretches[0].room_ended = 2
    assert check(run) == []
    page.room_ended = 5
    page.entries[0] = 0
    assert rules(run) == {"stale"}


def test_a_backup_begins_where_the_log_did() -> None:
    """Or further up; and all that is kept is in it."""
    run = pruned_run()
    rows = [mark(row.entry, row.request) for row in good_run().kept[ROOM]]
    for first, expected in ((1, set[str]()), (3, set[str]()), (5, {"backup"})):
        backup = Backup({ROOM: 5}, {ROOM: rows[first - 1 :]}, {ROOM: first})
        assert rules(replace(run, backups=[backup])) == expected
    backup = Backup({ROOM: 5}, {ROOM: rows[2:-1]}, {ROOM: 3})
    assert rules(replace(run, backups=[backup])) == {"backup"}
    backup = Backup({ROOM: 5}, {ROOM: [0, *rows[3:-1], 0]}, {ROOM: 3})
    assert rules(replace(run, backups=[backup])) == {"backup"}


def sighting(*seqs: int, after: int | None = 0) -> Sighting:
    """What an IRC client saw of what ana said."""
    lines = [Glimpse(seq, "ana", "text", f"ana{seq}") for seq in seqs]
    return Sighting("dan", 1, ROOM, Source.LIVE, after, lines)


def test_over_irc_nobody_is_told_of_what_is_gone() -> None:
    """So it may be missing, and what is kept may not."""
    run = replace(pruned_run(), reached={("dan", ROOM): 5})
    for seqs, expected in (
        ((1, 2, 3, 4, 5), set[str]()),
        ((2, 4, 5), set[str]()),
        ((4, 5), set[str]()),
        ((1, 5), {"sequence"}),
        ((2, 1, 4), {"sequence"}),
    ):
        assert rules(replace(run, sightings=[sighting(*seqs)])) == expected, seqs


def test_what_was_echoed_over_irc_may_be_gone() -> None:
    """Only once, and where nothing else stood."""
    run = pruned_run()
    said = Utterance("dan", "dan", ROOM, "text", "dan 1", seq=2)
    assert rules(replace(run, utterances=[said])) == {"lost"}
    said.seq = None
    assert check(replace(run, utterances=[said])) == []
