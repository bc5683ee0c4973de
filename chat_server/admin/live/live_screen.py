"""The picture of a server at a moment: numbers, threads, members, commits, locks.

Names and nicks are others' texts: they are made harmless, and are never taken for markup.
"""

from collections.abc import Iterable, Sequence
from statistics import median

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from chat_server.admin.messages import LivePart
from chat_server.admin.show import one_line
from protocol.messages import LiveCommit, LiveMember, LiveThread, Look

KEYS = "q quits"
ACTS = "up and down choose a member, s suspends it, d delays, r releases, c cuts"

_BARS = "▁▂▃▄▅▆▇█"
_LAG_BAR = 10
"""Cells of the bar that shows a lag."""

_NARROW = 100
"""Columns below which threads and members stand below each other."""

_AROUND = 7
"""Rows besides those of threads and members."""

_COLOURS = {"lock": "bold red", "send": "blue", "sqlite": "magenta", "run": "green"}


def picture(part: LivePart, chosen: str, told: str, columns: int, rows: int) -> RenderableType:
    """Return what the terminal shows.

    Args:
        part: what the server answered.
        chosen: the key of the member that is chosen; see `member_key`.
        told: a sentence about what was done last.
        columns: of the terminal.
        rows: of the terminal.
    """
    look = part.view
    space = max(2, rows - _AROUND)
    if columns < _NARROW:
        half = max(1, space // 2 - 1)
        body: RenderableType = Group(
            _members(look, chosen, half, columns), _threads(look, half, columns)
        )
    else:
        side = Table.grid(expand=True, padding=(0, 2))
        side.add_column(ratio=3)
        side.add_column(ratio=2)
        side.add_row(
            _threads(look, space, columns * 3 // 5), _members(look, chosen, space, columns * 2 // 5)
        )
        body = side
    keys = f"{KEYS}; {ACTS}" if part.own is not None else KEYS
    last = Text(one_line(told), "bold", no_wrap=True) if told else Text(keys, "dim", no_wrap=True)
    return Group(_numbers(look), _commits(look.commits), _locks(look), Text(), body, last)


def plain_line(look: Look) -> str:
    """Return a look as a line, for where there is no terminal."""
    behind = [each for each in look.members if each.lag]
    parts = [
        f"{look.messages:,.0f} messages/s",
        f"{look.deliveries:,.0f} deliveries/s",
        f"{look.drafts} wait to be stored",
        f"{sum(look.states.values())} threads",
        f"{look.lagging} members behind",
        *(f"{one_line(each.nick)} by {each.lag:,} in {each.room}" for each in behind[:3]),
    ]
    if look.locks and look.locks[0].waiting:
        parts.append(f"{look.locks[0].waiting} wait for {look.locks[0].name}")
    return ", ".join(parts)


def member_key(member: LiveMember) -> str:
    """Return what a member is known by from one look to the next."""
    return f"{member.room} {member.nick}"


def _numbers(look: Look) -> Text:
    text = Text(no_wrap=True)
    for number, what in [
        (f"{look.messages:,.0f}", "messages/s"),
        (f"{look.deliveries:,.0f}", "deliveries/s"),
        (f"{look.drafts:,}", "wait to be stored"),
        (f"{look.lagging:,}", "behind"),
        (f"{sum(look.states.values()):,}", "threads"),
        (f"{100 * look.cost:.1f} %", "of a processor to look"),
    ]:
        text.append(number, "bold").append(f" {what}   ", "dim")
    if look.every > 0.11:
        text.append(f"every {look.every:.2f} s", "dim")
    return text


def _commits(commits: Sequence[LiveCommit]) -> Text:
    text = Text(no_wrap=True)
    if not commits:
        return text.append("commits: none since somebody has looked", "dim")
    sizes = [each.messages for each in commits]
    times = [each.seconds * 1000 for each in commits]
    text.append("batches ", "dim").append(_curve(sizes[-20:]))
    text.append(f" {median(sizes):.0f} in the middle, {max(sizes)} at most   ", "dim")
    text.append("commits ", "dim").append(_curve(times[-20:]))
    text.append(f" {median(times):.2f} ms, {max(times):.2f} at most", "dim")
    return text


def _curve(numbers: Sequence[float]) -> str:
    most = max(numbers) or 1
    return "".join(_BARS[min(7, int(8 * each / most))] for each in numbers)


def _locks(look: Look) -> Text:
    text = Text(no_wrap=True)
    if not look.locks:
        return text.append("no thread was seen waiting for a lock", "dim")
    text.append("locks ", "dim")
    for each in look.locks[:4]:
        text.append(each.name, "bold red" if each.waiting else "")
        text.append(f" {each.waiting} now, in {100 * each.share:.0f} % of the looks   ", "dim")
    return text


def _threads(look: Look, space: int, columns: int) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, max_width=max(10, columns * 2 // 5))
    table.add_column(no_wrap=True, width=6)
    table.add_column(no_wrap=True, max_width=max(10, columns // 2))
    shown, left = _cut(look.threads, space)
    for each in shown:
        colour = _COLOURS.get(each.state, "dim")
        table.add_row(_name(each), Text(each.state, colour), Text(one_line(each.what)))
    more = left + look.more_threads
    if more:
        table.add_row(Text(f"and {more:,} more", "dim"), "", Text(_rest(look, shown), "dim"))
    return table


def _name(thread: LiveThread) -> Text:
    if not thread.nick:
        return Text(one_line(thread.name))
    address = thread.name.removeprefix("connection ")
    return Text(one_line(thread.nick)).append(f" {address}", "dim")


def _rest(look: Look, shown: Iterable[LiveThread]) -> str:
    """How many threads that are not shown are in each state."""
    states = dict(look.states)
    for each in shown:
        states[each.state] = states.get(each.state, 0) - 1
    return ", ".join(f"{count} {state}" for state, count in states.items() if count > 0)


def _members(look: Look, chosen: str, space: int, columns: int) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, max_width=max(12, columns - _LAG_BAR - 24))
    table.add_column(no_wrap=True, width=_LAG_BAR)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(no_wrap=True)
    most = max((each.lag for each in look.members), default=0) or 1
    shown, left = _cut(look.members, space)
    for each in shown:
        name = Text(one_line(each.nick)).append(f" in {each.room}", "dim")
        bar = "█" * -(-each.lag * _LAG_BAR // most)
        table.add_row(
            name,
            Text(bar, "yellow"),
            Text(f"{each.lag:,}"),
            Text(each.held or ("catches up" if each.behind else ""), "dim"),
            style="reverse" if member_key(each) == chosen else "",
        )
    more = left + look.more_members
    if more:
        table.add_row(Text(f"and {more:,} more", "dim"), "", "", "")
    if not shown:
        table.add_row(Text("nobody is in a room", "dim"), "", "", "")
    return table


def _cut(rows: Sequence, space: int) -> tuple[Sequence, int]:  # type: ignore[type-arg]
    """Those rows that there is space for, and how many are left; they need a row of their own."""
    if len(rows) <= space:
        return rows, 0
    return rows[: space - 1], len(rows) - space + 1
