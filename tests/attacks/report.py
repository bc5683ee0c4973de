"""The table: a line for each attack; and a shorter one for docs/security.md."""

from collections.abc import Iterator, Sequence

from tests.attacks.run import Outcome

LIMIT = 0.1
"""Seconds that the bystander's p99 may take, of each kind."""

KINDS = ("say", "ping", "tell", "join", "search", "hello", "crowd")

HEADER = (
    f"{'attack':30}"
    + "".join(f"{kind:>12}" for kind in KINDS)
    + f"{'replies':>9}{'MB':>13}{'threads':>14}{'CPU':>6}{'idle p99':>10}{'still':>7}\n"
    + f"{'':30}"
    + f"{'p50  p99 ms':>12}" * len(KINDS)
)


def line(outcome: Outcome) -> str:
    """Return the line of one attack, with a mark where somebody was held up."""
    states = (outcome.before, outcome.during, outcome.after)
    cells = "".join(f"{_times(outcome.taken.get(kind)):>12}" for kind in KINDS)
    memory = "/".join(f"{state.memory / 1e6:.0f}" for state in states)
    threads = "/".join(str(state.threads) for state in states)
    idle = max(percentile(taken, 0.99) for taken in outcome.idle.values()) * 1e3
    mark = "" if passed(outcome) else "  <-- "
    return (
        f"{outcome.attack.name:30}{cells}{outcome.replies:>9}{memory:>13}{threads:>14}"
        f"{outcome.busy:>6.0%}{idle:>10.0f}{outcome.stood_still * 1e3:>7.0f}{mark}"
        + "; ".join(outcome.faults)
    )


def passed(outcome: Outcome) -> bool:
    """Whether nobody was held up, but in the crowd's own room, and nothing went wrong."""
    return not outcome.faults and worst(outcome) <= LIMIT


def worst(outcome: Outcome) -> float:
    """Return the bystander's largest p99, but in the crowd's own room."""
    return max(percentile(taken, 0.99) for kind, taken in outcome.taken.items() if kind != "crowd")


def markdown(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield the table of docs/security.md: of each attack with one request the worst.

    That is the row with the largest p99 of all clients and texts.
    """
    yield (
        "| attack, from one address | rows | the worst | "
        + " | ".join(KINDS[:-1])
        + (" | MB | threads |")
    )
    yield "|---" * (len(KINDS) + 4) + "|"
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.attack.group, []).append(outcome)
    for group, found in groups.items():
        most = max(found, key=worst)
        cells = [_times(most.taken.get(kind)).replace(" ", ", ") for kind in KINDS[:-1]]
        memory, threads = (
            "/".join(f"{each}" for each in (before, max(during), after))
            for before, during, after in (
                (
                    f"{most.before.memory / 1e6:.0f}",
                    [round(each.during.memory / 1e6) for each in found],
                    f"{most.after.memory / 1e6:.0f}",
                ),
                (
                    most.before.threads,
                    [each.during.threads for each in found],
                    most.after.threads,
                ),
            )
        )
        name = "" if len(found) == 1 else most.attack.name
        yield f"| {group} | {len(found)} | {name} | {' | '.join(cells)} | {memory} | {threads} |"


def percentile(taken: list[float], share: float) -> float:
    """Return the time that `share` of all took at most, in seconds; 0 if there is none."""
    if not taken:
        return 0.0
    return sorted(taken)[min(len(taken) - 1, int(share * len(taken)))]


def _times(taken: list[float] | None) -> str:
    if not taken:
        return "-"
    return f"{percentile(taken, 0.5) * 1e3:.1f} {percentile(taken, 0.99) * 1e3:.0f}"
