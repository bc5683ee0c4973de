"""The end of a run in words."""

from collections import Counter
from collections.abc import Iterator, Mapping

from tests.torture.records import Observations
from tests.torture.tally import Tally
from tests.torture.violation import Violation

_SHOWN_OF_A_RULE = 10


def summary(run: Observations, tally: Tally) -> Iterator[str]:
    """Yield lines about what was done, and how much of it."""
    said = {(s.client, s.session, s.request) for s in run.said}
    replies = [
        ((d.client, d.session, reply.re), reply) for d in run.dialogues for reply in d.replies
    ]
    confirmed = {key for key, reply in replies if reply.type == "ok" and key in said}
    asked = sum(len(d.asked) for d in run.dialogues)
    codes = [reply.code for _, reply in replies if reply.code is not None]
    codes += [refusal.code for d in run.dialogues for refusal in d.refusals]
    goodbyes = Counter(d.goodbye for d in run.dialogues if d.goodbye is not None)
    again = Counter((d.client, d.session, re) for d in run.dialogues for re in d.asked)
    sent_again = sum(again[key] - 1 for key in said)
    deliveries = sum(len(stretch.entries) for stretch in run.stretches)
    slowest = max((stop.seconds for stop in run.stops), default=0.0)
    yield (
        f"  server    {tally['kills'] + tally['kills early']} kills "
        f"({tally['kills early']} while it started), {len(run.stops)} normal stops, "
        f"the slowest in {slowest:.2f} s"
    )
    redis = tally.starting_with("redis ")
    if redis:
        yield f"            {tally['stood still']} times a server stood still"
        yield f"  redis     {_counts(redis)}"
    yield (
        f"  operator  {tally['backups']} backups, {tally['removals']} rooms removed, "
        "while all else went on"
    )
    yield f"  network   cuts: {_counts(tally.starting_with('cut '))}"
    yield f"            faults that pass: {_counts(tally.starting_with('fault '))}"
    yield (
        f"  clients   {len(run.dialogues)} connections; {tally['takeovers']} takeovers, "
        f"{tally['given up']} for a silent connection, {tally['naps']} times not reading, "
        f"{tally['moves']} times back in a room"
    )
    yield f"            left by: {_counts(tally.starting_with('left '))}"
    yield f"            goodbyes: {_counts(goodbyes)}; refusals: {_counts(Counter(codes))}"
    yield (
        f"  messages  {len(said)} said, {len(confirmed)} acknowledged, {sent_again} sent again; "
        f"{sum(map(len, run.kept.values()))} stored; {deliveries} deliveries seen"
    )
    yield (
        f"            of them {tally['edits']} edits, {tally['deletions']} deletions; "
        f"{sum(e.edited for kept in run.kept.values() for e, _ in kept)} messages ended edited, "
        f"{sum(e.deleted for kept in run.kept.values() for e, _ in kept)} deleted"
    )
    yield f"            {asked} requests in all, {len(replies)} replies"


def listed(violations: list[Violation]) -> Iterator[str]:
    """Yield lines about the violations, the first few of each rule."""
    counts: Counter[str] = Counter()
    for violation in violations:
        counts[violation.rule] += 1
        if counts[violation.rule] <= _SHOWN_OF_A_RULE:
            yield f"VIOLATION {violation}"
    for rule, count in counts.items():
        if count > _SHOWN_OF_A_RULE:
            yield f"... {count} of the kind {rule!r} in all"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"
