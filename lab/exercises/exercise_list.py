"""Which exercises there are: twelve steps in a row, and some that belong to a lesson alone."""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lab.exercises.checks import attacks, chat, computing, echo, lessons, load_tester, messages
from lab.exercises.peer import Wrong
from lab.exercises.process import CannotStartError
from lab.exercises.target import STARTING, Limits, Outcome, Target
from lab.stage.errors import LabError

_TEXTS = Path(__file__).parent / "texts"


@dataclass(frozen=True)
class Exercise:
    """An exercise.

    Attributes:
        name: what the user types.
        title: what the server learns in it.
        check: the checks; they raise `Wrong`.
        step: which of the steps it is, from 1; 0 if it is none.
        lesson: the lesson that shows what goes wrong; empty if there is none.
        framed: whether its server speaks frames, for which nc is no client.
        datagrams: whether its server speaks UDP.
    """

    name: str
    title: str
    check: Callable[[Target], None]
    step: int = 0
    lesson: str = ""
    framed: bool = False
    datagrams: bool = False

    @property
    def label(self) -> str:
        """Its number, if it is a step, and its name."""
        return f"{self.step} {self.name}" if self.step else self.name

    @property
    def text(self) -> str:
        """What its README says: Markdown."""
        folder = _TEXTS / ("steps" if self.step else "lessons")
        own = (folder / f"{self.name}.md").read_text(encoding="utf-8")
        title, rest = own.split("\n", 1)
        if self.lesson:
            title += (
                f"\n\n`chat-lab run {self.lesson}` shows what goes wrong in a server like this."
            )
        starting = (_TEXTS / "starting.md").read_text(encoding="utf-8")
        return f"{title}\n{rest}\n{starting}"


_STEPS = (
    Exercise("echo", "send back what a client sends", echo.check_echo),
    Exercise(
        "echo-many",
        "many clients at the same time",
        echo.check_echo_many,
        lesson="iterative-server",
    ),
    Exercise(
        "lines",
        "find the lines in a stream of bytes",
        messages.check_lines,
        lesson="tcp-has-no-messages",
    ),
    Exercise(
        "frames",
        "a length in front of each message",
        messages.check_frames,
        lesson="tcp-has-no-messages",
        framed=True,
    ),
    Exercise(
        "big-messages",
        "send all of it, also 6 MB",
        messages.check_big_messages,
        lesson="send-is-not-sendall",
        framed=True,
    ),
    Exercise("broadcast", "what one says, everybody gets", chat.check_broadcast, framed=True),
    Exercise("names", "everybody has a name of their own", chat.check_names, framed=True),
    Exercise(
        "leaving",
        "who comes and who leaves",
        chat.check_leaving,
        lesson="registry-without-lock",
        framed=True,
    ),
    Exercise(
        "frozen-reader",
        "a client that does not read holds up nobody",
        attacks.check_frozen_reader,
        lesson="frozen-reader",
        framed=True,
    ),
    Exercise(
        "numbers",
        "each message has a number of its own",
        chat.check_numbers,
        lesson="lost-update",
        framed=True,
    ),
    Exercise(
        "rooms", "several rooms on one server", chat.check_rooms, lesson="deadlock", framed=True
    ),
    Exercise("attacks", "garbage, silence, floods", attacks.check_attacks, framed=True),
)

_OF_LESSONS = (
    Exercise(
        "backpressure",
        "a relay that holds its source back",
        lessons.check_backpressure,
        lesson="backpressure",
    ),
    Exercise(
        "dead-peers",
        "find out who is gone without a word",
        lessons.check_dead_peers,
        lesson="dead-peers",
    ),
    Exercise(
        "one-thread",
        "hundreds of clients in one loop",
        lessons.check_one_thread,
        lesson="thread-each",
    ),
    Exercise(
        "computing",
        "answer others while you compute",
        computing.check_computing,
        lesson="the-gil",
    ),
    Exercise(
        "load-tester",
        "measure a server that stalls",
        load_tester.check_load_tester,
        lesson="measuring-honestly",
    ),
    Exercise(
        "both-families",
        "IPv4 and IPv6 at the same port",
        lessons.check_both_families,
        lesson="names-and-addresses",
    ),
    Exercise(
        "udp", "datagrams instead of a stream", lessons.check_udp, lesson="udp", datagrams=True
    ),
)

EXERCISES = (
    *(replace(each, step=number) for number, each in enumerate(_STEPS, 1)),
    *_OF_LESSONS,
)
"""All exercises, the steps first."""

# Of two exercises for a lesson, the later one asks for more.
_BY_LESSON = {each.lesson: each for each in EXERCISES if each.lesson}


def exercise(name: str) -> Exercise:
    """Return the exercise of that name, of that step's number, or of that lesson.

    Raises:
        LabError: there is none.
    """
    for each in EXERCISES:
        if name in (each.name, str(each.step or each.name)):
            return each
    if name in _BY_LESSON:
        return _BY_LESSON[name]
    names = [*(each.name for each in EXERCISES), *_BY_LESSON]
    near = difflib.get_close_matches(name, names, 1, 0.5)
    hint = f"Did you mean {near[0]}?" if near else "chat-lab exercise lists the exercises."
    raise LabError(f"There is no exercise {name!r}. {hint}")


def run_check(
    chosen: Exercise,
    folder: Path,
    command: Sequence[str],
    limits: Limits | None = None,
    port: int | None = None,
    started: Callable[[Target], None] | None = None,
) -> Outcome:
    """Start a student's server, check it, and end all of it.

    Args:
        chosen: the exercise.
        folder: where the server runs.
        command: the program and its arguments; each {port} in them becomes the port's number.
        limits: how long to wait; the usual limits if None.
        port: the port on which it is to listen; a free one if None.
        started: called with the server once it was started.

    Returns:
        What the check found.
    """
    try:
        with Target(command, folder, limits or Limits(), port, chosen.lesson) as target:
            if started:
                started(target)
            try:
                chosen.check(target)
                target.must_run()
            except Wrong as wrong:
                return target.failed(wrong)
            return target.passed()
    except CannotStartError as error:
        sentence = f'{str(error)[0].upper()}{str(error)[1:]}: read "{STARTING}" in README.md.'
        return Outcome(False, sentence, STARTING)
