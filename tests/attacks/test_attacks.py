"""The attacks themselves: every request is tried, and a short run measures what it should."""

import pytest

from protocol.framing import HEADER_SIZE
from protocol.messages import AnyRequest, decode_request
from tests.attacks.attack import TEXTS, Ask
from tests.attacks.bystander import Watch
from tests.attacks.catalogue import WITH_TEXT, WITHOUT_TEXT, attacks, requests_covered
from tests.attacks.report import KINDS, line, markdown, percentile
from tests.attacks.run import Ending, Outcome, run
from tests.support.peer import encode

pytestmark = pytest.mark.long

# Those of moderators are refused to anybody else, as `kick` is; the others are like one that is
# there: a `bye` is a hello that ends, a password is hashed as for a `login`.
_ALIKE = {
    *("hello", "bye"),
    *("op", "deop", "ban", "unban", "mute", "unmute", "bans", "slow", "lock", "announce"),
    *("freeze", "unfreeze", "hands", "live", "disturb"),
}


def test_every_request_is_tried() -> None:
    """Who adds one to the protocol adds an attack."""
    kinds = {str(kind.__struct_config__.tag) for kind in AnyRequest.__args__}
    assert requests_covered() == kinds - _ALIKE


@pytest.mark.parametrize(
    ("kind", "ask"),
    [
        *((kind, make(text)) for kind, make in WITH_TEXT.items() for text in TEXTS.values()),
        *((kind, ask) for kind, ask in WITHOUT_TEXT.items() if kind != "nonsense"),
    ],
)
def test_what_is_tried_is_a_request(kind: str, ask: Ask) -> None:
    """One that is refused at once, for a member that is missing, would attack nothing."""
    asked = set()
    for number in range(1, 13):
        frame = ask(0, number)
        numbered = frame if kind == "pong" else {"id": number, **frame}
        decode_request(encode(numbered)[HEADER_SIZE:])
        asked.add(frame["type"])
    assert kind in asked


def test_names_tell_attacks_apart() -> None:
    """`--only` chooses one."""
    names = [attack.name for attack in attacks()]
    assert len(set(names)) == len(names)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "names",
    [
        ["found:hello-storm"],
        ["say-short-5", "say-long-5"],
        ["tell-long-5"],
        ["found:tells-to-one"],
        ["pong-1-at-once"],
        ["irc:say-short-1", "irc:ping-1"],
        ["lines:say-long-1", "lines:who-1"],
        ["websocket:say-slow-1", "websocket:in-pieces-1"],
        ["http:page-1", "http:code-1"],
        ["half-frames:storm-1"],
        ["files:uploads-1", "files:downloads-1"],
        ["operator:export", "operator:class-list"],
    ],
)
def test_a_short_run(names: list[str]) -> None:
    """The attackers attack, the bystander does everything, and the server ends well."""
    chosen = [each for each in attacks() if each.name in names]
    *outcomes, ending = run(chosen, 1.2, addresses=1)
    assert isinstance(ending, Ending)
    assert not ending.faults
    assert [found.attack for found in outcomes if isinstance(found, Outcome)] == chosen
    for outcome in outcomes:
        assert isinstance(outcome, Outcome)
        assert not outcome.faults
        assert all(outcome.taken[kind] for kind in KINDS if kind != "crowd")
        assert outcome.replies or outcome.attack.ask is None or not outcome.attack.replied
        assert line(outcome).startswith(outcome.attack.name)
    table = [*markdown([each for each in outcomes if isinstance(each, Outcome)])]
    assert len(table) == 3
    assert all(row.count("|") == table[0].count("|") for row in table)


def test_a_pause_counts_for_all_that_was_due_in_it() -> None:
    """Not as one step that took long."""
    steps = iter((0.05, 0.0))

    def step() -> None:
        pause = next(steps, None)
        if pause is None:
            raise TimeoutError("enough")
        watch._stopping.wait(pause)

    watch = Watch("waiting", step, interval=0.01)
    watch.run()
    assert len(watch.taken) >= 5
    assert watch.taken[0] > watch.taken[3]
    assert percentile(watch.taken, 0.99) == max(watch.taken)
