"""The table: a line for each attack."""

from tests.attacks.run import Outcome

LIMIT = 0.1
"""Seconds that the bystander's p99 may take, of each kind."""

KINDS = ("say", "ping", "tell", "join", "search", "hello", "crowd")

HEADER = (
    f"{'attack':28}"
    + "".join(f"{kind:>12}" for kind in KINDS)
    + f"{'replies':>9}{'MB':>13}{'threads':>14}{'stop':>6}\n"
    + f"{'':28}"
    + f"{'p50  p99 ms':>12}" * len(KINDS)
)


def line(outcome: Outcome) -> str:
    """Return the line of one attack, with a mark where somebody was held up."""
    states = (outcome.before, outcome.during, outcome.after)
    cells = "".join(f"{_times(outcome.taken.get(kind)):>12}" for kind in KINDS)
    memory = "/".join(f"{state.memory / 1e6:.0f}" for state in states)
    threads = "/".join(str(state.threads) for state in states)
    mark = "" if passed(outcome) else "  <-- "
    return (
        f"{outcome.attack.name:28}{cells}{outcome.replies:>9}{memory:>13}{threads:>14}"
        f"{outcome.stopped:>6.1f}{mark}" + "; ".join(outcome.faults)
    )


def passed(outcome: Outcome) -> bool:
    """Whether nobody was held up, but in the crowd's own room, and nothing went wrong."""
    others = (taken for kind, taken in outcome.taken.items() if kind != "crowd")
    return not outcome.faults and all(percentile(taken, 0.99) <= LIMIT for taken in others)


def percentile(taken: list[float], share: float) -> float:
    """Return the time that `share` of all took at most, in seconds; 0 if there is none."""
    if not taken:
        return 0.0
    return sorted(taken)[min(len(taken) - 1, int(share * len(taken)))]


def _times(taken: list[float] | None) -> str:
    if not taken:
        return "-"
    return f"{percentile(taken, 0.5) * 1e3:.1f} {percentile(taken, 0.99) * 1e3:.0f}"
