"""The checker finds what is wrong with edits and deletions, each kind by its name."""

from array import array
from dataclasses import replace

import pytest

from tests.torture.checker import check
from tests.torture.records import (
    Dialogue,
    Entry,
    Glimpse,
    Kept,
    Observations,
    Reply,
    Said,
    Sighting,
    Source,
    Stretch,
    squeezed,
)

ROOM = "one"
SAID = [
    Said("ana", 1, 1, ROOM, "text", "ana 1: tee"),
    Said("ana", 1, 2, ROOM, "action", "ana 2: rude"),
    Said("ana", 1, 3, ROOM, "edit", "ana 3: tea", 1),
    Said("ana", 1, 4, ROOM, "edit", "ana 4: ruder", 2),
    Said("ana", 1, 5, ROOM, "edit", "ana 5: tea!", 1),
    Said("ana", 1, 6, ROOM, "delete", "deleted message 2: ana 6", 2),
]
FIRST = [Entry(ROOM, s.request, 1.5, "ana", s.kind, s.text, s.changes) for s in SAID]
LATEST = [
    FIRST[0]._replace(text="ana 5: tea!", edited=True),
    FIRST[1]._replace(kind="text", text="(deleted)", deleted=True),
    FIRST[2]._replace(text="ana 5: tea!"),
    FIRST[3]._replace(text="(deleted)", deleted=True),
    *FIRST[4:],
]
ONCE_EDITED = FIRST[0]._replace(text="ana 3: tea", edited=True)
ENTRIES = [*FIRST, *LATEST[:4], ONCE_EDITED]
"""What may be seen: 0 to 5 as it was said, 6 to 9 the latest state, 10 one in between."""


def good_run() -> Observations:
    """ana sees all as she says it, ben comes at the end, eva in the middle; each reads a page."""
    dialogue = Dialogue("ana", 1, 1, asked=[*range(1, 8)], goodbye="bye")
    dialogue.replies = [Reply(n, "ok", n) for n in range(1, 7)] + [Reply(7, "ok")]
    return Observations(
        entries=ENTRIES,
        said=SAID,
        dialogues=[dialogue],
        stretches=[
            seen("ana", 0, [0, 1, 2, 3, 4, 5]),
            seen("ben", 6, [6, 7, 8, 9, 4, 5]),
            seen("eva", 3, [10, 1, 2, 3, 4, 5]),
            Stretch("eva", 1, ROOM, Source.PAGE, 0, False, 3, array("Q", [10, 1, 2])),
        ],
        sightings=[Sighting("irc", 1, ROOM, Source.PAGE, 0, list(map(glimpse, LATEST)), cut=False)],
        readers={"ana": [ROOM], "ben": [ROOM], "eva": [ROOM]},
        kept={ROOM: [Kept(entry, entry.seq) for entry in LATEST]},
        last_seqs={ROOM: 6},
        served={ROOM: LATEST},
    )


def seen(client: str, room_ended: int, entries: list[int]) -> Stretch:
    return Stretch(client, 1, ROOM, Source.LIVE, 0, True, room_ended, array("Q", entries))


def glimpse(entry: Entry) -> Glimpse:
    """What IRC shows of a message."""
    if entry.kind in ("edit", "delete"):
        about = f"(edited message {entry.changes}) {entry.text}"
        text = about if entry.kind == "edit" else f"({entry.text})"
        return Glimpse(entry.seq, "ana", "notice", squeezed(text))
    text = f"{entry.text} (edited)" if entry.edited else entry.text
    return Glimpse(entry.seq, "ana", entry.kind, squeezed(text))


def rules(run: Observations) -> set[str]:
    return {violation.rule for violation in check(run)}


def with_log(entries: list[Entry]) -> Observations:
    """The run, with another log: that of the database and of the pages."""
    kept = [Kept(entry, entry.seq) for entry in entries]
    return replace(
        good_run(), kept={ROOM: kept}, served={ROOM: entries}, last_seqs={ROOM: len(entries)}
    )


def test_nothing_is_wrong_with_a_good_run() -> None:
    """Without this, the others mean nothing."""
    assert check(good_run()) == []


@pytest.mark.parametrize(
    ("place", "stored"),
    [
        pytest.param(0, FIRST[0], id="an edit that did nothing"),
        pytest.param(0, ONCE_EDITED, id="an edit that did not come last"),
        pytest.param(1, FIRST[1], id="a deletion that did nothing"),
        pytest.param(2, FIRST[2], id="an earlier edit that still says the old text"),
        pytest.param(3, FIRST[3], id="an edit that still says what was deleted"),
        pytest.param(0, LATEST[0]._replace(edited=False), id="a change that does not show"),
    ],
)
def test_a_message_that_is_not_stored_in_its_latest_state(place: int, stored: Entry) -> None:
    """The log says that it was changed, and nobody changed it."""
    assert rules(with_log([*LATEST[:place], stored, *LATEST[place + 1 :]])) == {"stale"}


def test_an_edit_of_another_message() -> None:
    """The text is right, and the message is not."""
    forged = FIRST[4]._replace(changes=2)
    assert "forged" in rules(with_log([*LATEST[:4], forged, LATEST[5]]))


def test_a_confirmed_change_that_is_not_stored() -> None:
    """Whoever was told `ok` believes that the message is gone."""
    assert "lost" in rules(with_log(LATEST[:5]))


def test_a_change_that_is_stored_twice() -> None:
    """Sent again, the request brings another entry."""
    run = with_log([*LATEST, LATEST[5]._replace(seq=7)])
    again = Kept(LATEST[5]._replace(seq=7), 6)
    run = replace(run, kept={ROOM: [*run.kept[ROOM][:6], again]})
    assert "doubled" in rules(run)


@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_reader_that_finds_an_earlier_state(place: int) -> None:
    """Whether it comes at the end, or in the middle, or reads a page: it came after the edit."""
    run = good_run()
    run.stretches[place].entries[0] = 0
    assert rules(run) == {"stale"}


def test_a_reader_that_sees_a_state_that_never_was() -> None:
    """The old text, marked as edited."""
    run = good_run()
    run = replace(run, entries=[*ENTRIES, FIRST[0]._replace(edited=True)])
    run.stretches[2].entries[0] = len(ENTRIES)
    assert rules(run) == {"differs"}


def test_a_reader_that_knows_an_earlier_state_in_the_end() -> None:
    """It read the message again, and got what had been changed before its eyes."""
    run = good_run()
    again = Stretch("ana", 2, ROOM, Source.LIVE, 0, True, None, array("Q", [0, 1]))
    rest = Stretch("ana", 3, ROOM, Source.LIVE, 6, True, None)
    assert rules(replace(run, stretches=[*run.stretches, again, rest])) == {"latest"}


@pytest.mark.parametrize(
    "line",
    [
        glimpse(LATEST[0])._replace(text=squeezed("ana 5: tea!")),
        glimpse(LATEST[1])._replace(text=squeezed("ana 2: something else")),
        glimpse(LATEST[2])._replace(text=squeezed("(edited message 2) ana 5: tea!")),
        glimpse(LATEST[5])._replace(text=squeezed("(deleted message 1: ana 6)")),
    ],
)
def test_an_irc_client_that_sees_something_else(line: Glimpse) -> None:
    """The mark of an edit is missing, or an entry names another message."""
    run = good_run()
    run.sightings[0].lines[line.seq - 1] = line
    assert rules(run) == {"differs"}
