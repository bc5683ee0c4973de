"""A poll as text: what is asked, and what came of it, with bars."""

from collections.abc import Sequence

from msgspec import UnsetType

from protocol.messages import PollResult

BAR = 20
"""Characters of the longest bar."""

_SHOWN = 20
"""Options that are shown. No server has more; only a hostile one sends more."""


def poll_text(poll: PollResult) -> str:
    """Return what a message of the kind `poll` says, as lines."""
    options = poll.options[:_SHOWN]
    if isinstance(poll.counts, UnsetType):
        listed = [f"{number}. {option}" for number, option in enumerate(options, 1)]
        how = "the result names who voted" if poll.named else "nobody sees who votes for what"
        return "\n".join([f"poll: {poll.question}", *listed, f"/vote NUMBER; {how}"])
    counts = [max(0, count) for count in poll.counts[:_SHOWN]]
    voters = () if isinstance(poll.voters, UnsetType) else poll.voters
    lines = [f"result of the poll: {poll.question}"]
    lines += bars(options, counts)
    for option, nicks in zip(options, voters, strict=False):
        if nicks:
            lines.append(f"{option}: {', '.join(nicks)}")
    return "\n".join(lines)


def bars(options: Sequence[str], counts: Sequence[int]) -> list[str]:
    """Return a line with a bar for each option."""
    total, most = sum(counts), max([1, *counts])
    lines = []
    for option, count in zip(options, counts, strict=False):
        bar = "\u2588" * round(BAR * count / most)
        share = f" ({count / total:.0%})" if total else ""
        lines.append(f"{bar or '-'} {count}{share} {option}")
    return lines
