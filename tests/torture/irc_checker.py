"""The checker of what IRC clients said and saw: the same promises, as far as IRC can show them.

IRC knows no request numbers: what got no echo may be stored or not, but not twice. A message that
was cut into lines is compared without its white space. Changes of the topic come live, and are not
part of CHATHISTORY. An edit and a deletion are a NOTICE; what was edited is marked.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from protocol.messages import CHANGES
from tests.torture.changes import State
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
from tests.torture.room_log import EMPTY, RoomLog
from tests.torture.violation import Violation


def check_irc(
    run: Observations,
    known: Mapping[str, Mapping[int, Sequence[State]]],
    logs: Mapping[str, RoomLog],
) -> Iterator[Violation]:
    """Yield every violation that an IRC client shows.

    Args:
        run: the run.
        known: by room and seq, every state that a message had to have.
        logs: by room, its log.
    """
    yield from _check_utterances(run, logs)
    for sighting in run.sightings:
        log = logs.get(sighting.room, EMPTY)
        yield from _check_sighting(sighting, log, known.get(sighting.room, {}))
    for (client, room), reached in run.reached.items():
        last = logs.get(room, EMPTY).last
        if reached != last:
            what = f"came to {reached} in the end, the room ends at {last}"
            yield Violation("sequence", what, room, reached, client)


def _check_utterances(run: Observations, logs: Mapping[str, RoomLog]) -> Iterator[Violation]:
    """What an echo named is stored there; what was refused is not stored."""
    stored = {(e.room, e.seq): e for log in logs.values() for e, _ in log.rows}
    texts = {entry.text for entry in stored.values()}
    for said in run.utterances:
        if said.refused and said.text in texts:
            what = f"{_brief(said)} was refused, and is stored"
            yield Violation("refused", what, said.room, None, said.client)
        if said.seq is None:
            continue
        entry = stored.get((said.room, said.seq))
        if entry is None or entry.text != said.text:
            rule = "moved" if said.text in texts else "lost"
            what = f"{_brief(said)} was echoed as {said.seq}, where it is not stored"
            yield Violation(rule, what, said.room, said.seq, said.client)


def _check_sighting(
    sighting: Sighting, log: RoomLog, known: Mapping[int, Sequence[State]]
) -> Iterator[Violation]:
    """Its messages follow one another without a gap, and each is as it was at some time.

    Where messages are gone, a page does not say so: then the next one that is kept may follow, or
    one that is gone by now.
    """
    messages = [list(lines) for _, lines in groupby(sighting.lines, lambda line: line.seq)]
    expected = None if sighting.after is None else _next(sighting, sighting.after, log)
    for number, lines in enumerate(messages):
        seq = lines[0].seq
        if expected is not None and log.is_gone(expected):
            expected = min(max(expected, seq), _next(sighting, log.first - 1, log))
        if expected is not None and seq != expected:
            fault = "a gap" if seq > expected else "doubled, or out of order"
            where = f"{sighting.source} on connection {sighting.connection}"
            what = f"{fault}: {expected} was next ({where}, IRC)"
            yield Violation("sequence", what, sighting.room, seq, sighting.client)
        states = known.get(seq, ())
        last_before_end = sighting.cut and number == len(messages) - 1
        may_be_cut = last_before_end or lines[0].kind == "topic"  # which has but one line
        is_unknown = log.is_gone(seq) and not states
        shown = (_is_shown(lines, state.entry, may_be_cut=may_be_cut) for state in states)
        if not is_unknown and not any(shown):
            what = f"seen over IRC was {lines[:3]}, stored is {states[-1:]}"
            yield Violation("differs", what, sighting.room, seq, sighting.client)
        expected = _next(sighting, seq, log)
    if expected is not None and log.is_gone(expected):
        expected = _next(sighting, log.first - 1, log)
    if sighting.until is not None and expected is not None and expected <= sighting.until:
        what = f"a gap: {expected} was next, and it ends (page on {sighting.connection}, IRC)"
        yield Violation("sequence", what, sighting.room, expected, sighting.client)


def _next(sighting: Sighting, seq: int, log: RoomLog) -> int:
    """The seq that must be seen behind `seq`: on a page that of the next message but a topic."""
    seq += 1
    while sighting.source is Source.PAGE and _is_topic(log.by_seq.get(seq)):
        seq += 1
    return seq


def _is_topic(row: Kept | None) -> bool:
    return row is not None and row.entry.kind == "topic"


def _is_shown(lines: list[Glimpse], stored: Entry, *, may_be_cut: bool) -> bool:
    """Whether the lines are those of a stored message, all of them or, if cut, the first ones."""
    kind, text = stored.kind, stored.text
    if kind in CHANGES:
        text = f"(edited message {stored.changes}){text}" if kind == "edit" else f"({text})"
        kind = "notice"
    elif stored.edited:
        text += "(edited)"
    if any((line.from_, line.kind) != (stored.from_, kind) for line in lines):
        return False
    shown, whole = "".join(line.text for line in lines), squeezed(text)
    return whole.startswith(shown) if may_be_cut else shown == whole


def _brief(said: Utterance) -> str:
    return f"{said.kind} {said.text.partition(': ')[0]!r}"
