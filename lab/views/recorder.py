"""Keeps what a lesson showed, for a page that is written afterwards."""

from typing import Self

import msgspec

from lab.stage.lesson import Lesson, Server
from lab.stage.stage import Snapshot, Stage, Table, Verdict
from lab.views.view import View


class Sample(msgspec.Struct, frozen=True):
    """One moment: seconds since the start, the lines of each client, and bytes of memory."""

    at: float
    received: dict[str, int]
    memory: int


class Act(msgspec.Struct):
    """What one server did.

    Attributes:
        server: the server.
        samples: what was seen, ten times a second.
        steps: what the attack did, with the seconds at which it began.
        strip: the longest latency in each tenth of a second, in milliseconds.
        verdict: what was found; None if it was stopped.
    """

    server: Server
    samples: list[Sample] = []
    steps: list[tuple[float, str]] = []
    strip: list[float] = []
    verdict: Verdict | None = None


class Recorder:
    """A view that keeps everything and hands it on to another view.

    Attributes:
        acts: what each server did, in order.
        tables: what was measured beside it.
    """

    def __init__(self, view: View) -> None:
        """
        Args:
            view: shows it meanwhile.
        """
        self.acts: list[Act] = []
        self.tables: list[Table] = []
        self._view = view

    def __enter__(self) -> Self:
        self._view.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._view.__exit__(None, None, None)

    def begin(self, lesson: Lesson, server: Server) -> None:
        """A server is about to be attacked."""
        self.acts.append(Act(server))
        self._view.begin(lesson, server)

    def watch(self, stage: Stage, now: Snapshot) -> None:
        """Keep a moment."""
        act = self.acts[-1]
        received = {row.name: row.received for row in now.clients}
        act.samples.append(Sample(now.at, received, now.report.memory))
        act.steps += [(now.at, step) for step in now.steps[len(act.steps) :]]
        act.strip = now.strip
        self._view.watch(stage, now)

    def end(self, verdict: Verdict) -> None:
        """The attack is over."""
        self.acts[-1].verdict = verdict
        self._view.end(verdict)

    def table(self, table: Table) -> None:
        """Keep measurements."""
        self.tables.append(table)
        self._view.table(table)
