"""The checker of IRC clients finds what is wrong, each kind by its name, and nothing else."""

from collections.abc import Callable

import pytest

from tests.torture.checker import check
from tests.torture.records import (
    Entry,
    Glimpse,
    Kept,
    Observations,
    Sighting,
    Source,
    Utterance,
    squeezed,
)

ROOM = "one"
TEXTS = ("irc-1 1: hi.", "irc-1 2: a long\ntext with a tab\t.", "irc-1 3: bye.")


def good_run() -> Observations:
    """An IRC client says three things. It sees two of them live, and then all on a page."""
    said = [Utterance("irc-1", "irc-1-1", ROOM, "text", text, seq) for seq, text in numbered()]
    said[2].seq = None  # its echo was lost
    entries = [Entry(ROOM, seq, 1.5, "irc-1-1", "text", text) for seq, text in numbered()]
    return Observations(
        entries=entries,
        kept={ROOM: [Kept(entry, entry.seq + 5) for entry in entries]},
        last_seqs={ROOM: 3},
        served={ROOM: entries},
        utterances=said,
        sightings=[
            Sighting("irc-1", 1, ROOM, Source.LIVE, None, [*lines(2), *lines(3)]),
            Sighting(
                "irc-1", 2, ROOM, Source.PAGE, 0, [*lines(1), *lines(2), *lines(3)], cut=False
            ),
        ],
        reached={("irc-1", ROOM): 3},
    )


def numbered() -> list[tuple[int, str]]:
    return list(enumerate(TEXTS, 1))


def lines(seq: int) -> list[Glimpse]:
    """The lines of a message as IRC cuts them."""
    cut = TEXTS[seq - 1].split("\n")
    return [Glimpse(seq, "irc-1-1", "text", squeezed(line)) for line in cut]


def test_nothing_is_wrong() -> None:
    """A text without an echo may be stored."""
    assert check(good_run()) == []


def test_a_text_without_an_echo_may_be_missing() -> None:
    """Nobody can know whether it was stored."""
    run = good_run()
    run.utterances = [*run.utterances, Utterance("irc-1", "irc-1-1", ROOM, "text", "irc-1 4: x.")]
    assert check(run) == []


def test_a_connection_may_end_within_a_message() -> None:
    """Behind its first line; a page may not."""
    run = good_run()
    run.sightings[0].lines = lines(2)[:1]
    assert check(run) == []
    run.sightings[0].cut = False
    assert {violation.rule for violation in check(run)} == {"differs"}


def test_a_page_leaves_topics_out() -> None:
    """Also the last one. What comes live has them, as much as fits a line."""
    run = with_topics()
    run.sightings = [Sighting("irc-1", 1, ROOM, Source.PAGE, 0, lines(2), cut=False, until=3)]
    assert check(run) == []
    topic = Glimpse(3, "irc-1-1", "topic", squeezed(TEXTS[2])[:5])
    live = [*lines(2), topic]
    run.sightings = [Sighting("irc-1", 1, ROOM, Source.LIVE, 1, live, cut=False)]
    assert check(run) == []
    run.sightings[0].lines = [*lines(2), Glimpse(3, "irc-1-1", "topic", "else")]
    assert {violation.rule for violation in check(run)} == {"differs"}
    run.sightings = [Sighting("irc-1", 1, ROOM, Source.LIVE, 0, lines(2), cut=False)]
    assert {violation.rule for violation in check(run)} == {"sequence"}


def with_topics() -> Observations:
    """The first and the last of three messages are topics."""
    run = good_run()
    for said in (run.utterances[0], run.utterances[2]):
        said.kind = "topic"
    kept = [
        each._replace(entry=each.entry._replace(kind="text" if each.entry.seq == 2 else "topic"))
        for each in run.kept[ROOM]
    ]
    run.kept, run.entries = {ROOM: kept}, [each.entry for each in kept]
    run.served = {ROOM: run.entries}
    return run


def lose_an_echoed_text(run: Observations) -> None:
    run.utterances[0].text = "irc-1 0: never stored."
    run.utterances = [*run.utterances, Utterance("irc-1", "irc-1-1", ROOM, "text", TEXTS[0])]


def move_a_text(run: Observations) -> None:
    run.utterances[0].seq = 2


def store_what_was_refused(run: Observations) -> None:
    run.utterances[2].refused = True


def store_twice(run: Observations) -> None:
    again = Entry(ROOM, 4, 1.5, "irc-1-1", "text", TEXTS[0])
    run.kept = {ROOM: [*run.kept[ROOM], Kept(again, 9)]}
    run.served, run.last_seqs = {ROOM: [*run.served[ROOM], again]}, {ROOM: 4}
    run.reached = {("irc-1", ROOM): 4}


def store_under_another_nick(run: Observations) -> None:
    run.utterances[0].nick = "irc-1-2"


def skip_a_message(run: Observations) -> None:
    run.sightings[1].lines = [*lines(1), *lines(3)]


def begin_too_late(run: Observations) -> None:
    run.sightings[1].lines = [*lines(2), *lines(3)]


def see_it_twice(run: Observations) -> None:
    run.sightings[0].lines = [*lines(2), *lines(3), *lines(2)]


def see_another_text(run: Observations) -> None:
    run.sightings[0].lines = [*lines(2), Glimpse(3, "irc-1-1", "text", "else")]


def see_another_kind(run: Observations) -> None:
    run.sightings[0].lines = [*lines(2), lines(3)[0]._replace(kind="action")]


def lack_a_line(run: Observations) -> None:
    run.sightings[0].lines = [*lines(2)[:1], *lines(3)]


def lack_the_end_of_a_page(run: Observations) -> None:
    run.sightings[1].lines, run.sightings[1].until = [*lines(1), *lines(2)], 3


def lack_all_of_a_page(run: Observations) -> None:
    run.sightings[1].lines, run.sightings[1].until = [], 1


def end_too_early(run: Observations) -> None:
    run.reached = {("irc-1", ROOM): 2}


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lose_an_echoed_text, "lost"),
        (move_a_text, "moved"),
        (store_what_was_refused, "refused"),
        (store_twice, "doubled"),
        (store_under_another_nick, "forged"),
        (skip_a_message, "sequence"),
        (begin_too_late, "sequence"),
        (see_it_twice, "sequence"),
        (see_another_text, "differs"),
        (see_another_kind, "differs"),
        (lack_a_line, "differs"),
        (lack_the_end_of_a_page, "sequence"),
        (lack_all_of_a_page, "sequence"),
        (end_too_early, "sequence"),
    ],
)
def test_what_is_wrong_is_named(spoil: Callable[[Observations], None], rule: str) -> None:
    """One thing at a time."""
    run = good_run()
    spoil(run)
    assert {violation.rule for violation in check(run)} == {rule}
