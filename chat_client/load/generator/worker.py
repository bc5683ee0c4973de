"""A worker: one process with one loop that drives its share of the clients.

A worker reads orders from its standard input and writes reports to its standard output. When the
input ends, the parent is gone, and the worker ends too. The moments of a run follow from the load
and from the moment to begin, so they are the same in all workers. Ticks count from that moment, and
a tick ends when a phase does.
"""

import contextlib
import gc
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import partial

from chat_client.load.generator.clients import Client, State, WorkerState
from chat_client.load.generator.loop import READ, Callback, Loop, clock
from chat_client.load.generator.messages import (
    Audit,
    Begin,
    Drained,
    Finish,
    Order,
    Plan,
    Ready,
    Report,
    RoomAudit,
    Stop,
    read_order,
    write_line,
)
from chat_client.load.generator.room_stream import RoomStream
from chat_client.load.model.faults import Faults
from chat_client.load.model.schedule import Schedule
from chat_client.load.model.tick import UNANSWERED, Phase, Tick

SECOND = 1_000_000
"""µs in a second."""

TICK = SECOND // 2
"""µs between two reports of what was counted."""

AT_ONCE = 100
"""How many clients connect at the same time: few enough for the server's accept queue."""

RAMP_PATIENCE = 20 * SECOND
"""µs beyond the ramp that the clients may take to connect."""

QUIET = SECOND // 4
"""µs to listen on when every message has come, to notice one that comes twice."""

LOOK = SECOND // 100
"""µs between looks at whether a stage is complete."""

SOCKETS_PER_BATCH = 16
"""How many sockets are served before the clock is read for what they received, and the schedule is
looked at. A latency is too long by the time that it takes to serve so many, and never too short."""

IN_FLIGHT = 1024
"""How many texts without a reply all talkers together keep in a closed loop."""

AWAY = (SECOND // 2, 3 * SECOND // 2)
"""µs, from and to, that a client stays away after it disconnected on purpose."""

PAUSE = (SECOND, 3 * SECOND)
"""µs, from and to, that a slow client reads, and then does not read."""

FOREVER = 3600 * SECOND
"""µs to wait where no timer is set."""

EXAMPLES = 5
"""How many faults are told with an example."""


class Worker:
    """One worker. `run` is all that it does."""

    def __init__(self, plan: Plan, loop: Loop, report: Callable[[Report], None]) -> None:
        """
        Args:
            plan: the load, and this worker's share of it.
            loop: the loop that calls the clients.
            report: sends a report to the parent.
        """
        self._load = load = plan.load
        self._loop = loop
        self._report = report
        self._random = random.Random(f"{load.seed}.{plan.index}")
        self._patience = int(load.patience * SECOND)
        self._shared = WorkerState(loop, Tick("ramp", clock()), plan)
        self._logs: dict[str, RoomStream] = {}
        own = range(plan.index, load.clients, load.processes)
        self._clients = [self._client(number) for number in own]
        self._talkers = {c.number: c for c in self._clients if c.number < load.talking}
        self._slow = [c for c in self._clients if c.number >= load.clients - load.slow_ones]
        self._coming = list(reversed(self._clients))
        self._phase: Phase = "ramp"
        self._cpu = time.process_time()
        self._schedule: Schedule | None = None
        self._timed_since = 0
        self._stopped_at = 0
        self._last: dict[str, int] = {}
        self._drop_next = False
        self._ended = False

    def run(self) -> None:
        """Run the loop until the audit is reported."""
        self._ramp(clock())
        while not self._ended:
            next_timer = self._loop.run_timers()
            next_due = self._say_due()
            moments = [when for when in (next_timer, next_due) if when is not None]
            ready = self._loop.poll(min(moments, default=clock() + FOREVER))
            for start in range(0, len(ready), SOCKETS_PER_BATCH):
                self._serve(ready[start : start + SOCKETS_PER_BATCH])

    def obey(self, order: Order) -> None:
        """Obey an order of the parent."""
        match order:
            case Begin(at=moment):
                self._plan_phases(moment)
            case Stop():
                self._drain()
            case Finish(last=last):
                self._last = last
                self._wait_until(clock() + self._patience, self._all_heard, self._listen_on)
            case Plan():
                raise AssertionError("a worker has one plan")

    # -- one round of the loop

    def _serve(self, ready: list[tuple[Callback, int]]) -> None:
        """Let clients use their ready sockets, then record the latency of what they received."""
        for call, events in ready:
            call(events)
        # A phase may have begun meanwhile. What was received counts in the phase that is now.
        self._loop.run_timers()
        now, since, tick = clock(), self._timed_since, self._shared.tick
        for log in self._logs.values():
            log.record_latencies(now, since, tick.delivery)
        tick.ok.record_waits([due for due in self._shared.answered if due >= since], now)
        self._shared.answered.clear()
        if self._drop_next:
            self._drop_received()
        self._say_due()

    def _drop_received(self) -> None:
        """Drop what all members have received from the logs, once its latencies are recorded."""
        self._drop_next = False
        for log in self._logs.values():
            places = [c.reader.place for c in self._clients if c.reader.log is log]
            log.drop_before(min((place for place in places if place is not None), default=0))

    def _say_due(self) -> int | None:
        """Let the talkers say what is due. Return when the next text is due, None for never."""
        if self._schedule is None:
            return None
        talking = set()
        for number, due in self._schedule.take_due(clock()):
            talker = self._stand_in(number)
            if talker is None:
                self._shared.tick.missed += 1
                self._talkers[number].say_later(due)
                continue
            talker.say(due)
            talking.add(talker)
        for talker in talking:
            talker.flush()
        return self._schedule.next_due

    def _stand_in(self, number: int) -> Client | None:
        """The talker of that number, or another one while it is not connected."""
        talker = self._talkers[number]
        if talker.state is State.UP:
            return talker
        return next((c for c in self._talkers.values() if c.state is State.UP), None)

    # -- phases

    def _client(self, number: int) -> Client:
        load = self._load
        room = f"{load.nick_prefix}-{number % load.rooms}"
        log = self._logs.get(room)
        if log is None:
            log = self._logs[room] = RoomStream(room, load.seed)
        return Client(
            self._shared,
            number,
            f"{load.nick_prefix}{number}",
            log,
            load.seed,
            timed=number < load.clients - load.slow_ones,
            text_size=partial(self._random.randint, load.shortest, load.longest),
        )

    def _ramp(self, began: int) -> None:
        """Let clients connect that are due, and look again soon until all of them are in."""
        ramp = int(self._load.ramp * SECOND)
        now = clock()
        coming = sum(c.state not in (State.AWAY, State.UP) for c in self._clients)
        while self._coming and coming < AT_ONCE:
            due = began + ramp * self._coming[-1].number // self._load.clients
            if due > now:
                break
            self._coming.pop().connect()
            coming += 1
        over = now > began + ramp + RAMP_PATIENCE
        if self._shared.up == len(self._clients) or over:
            self._set_phase(self._phase)
            reason = "" if self._shared.up == len(self._clients) else self._shared.refusal
            self._report(Ready(self._shared.up, reason))
            return
        self._loop.call_at(now + LOOK // 2, partial(self._ramp, began))
        if now - self._shared.tick.start > TICK:
            self._set_phase(self._phase)

    def _plan_phases(self, start: int) -> None:
        load = self._load
        warm = start + int(load.warm_up * SECOND)
        stop = warm + int(load.duration * SECOND)
        self._timed_since = start
        if load.rate is not None:
            own = sorted(self._talkers)
            self._schedule = Schedule(load.rate, load.talking, own, start, stop)
        at = self._loop.call_at
        at(start, partial(self._begin_load, "warm-up"))
        at(warm, partial(self._measure, warm))
        at(stop, self._drain)
        at(start + TICK, partial(self._tick, start + TICK))

    def _begin_load(self, phase: Phase) -> None:
        self._set_phase(phase)
        if self._load.rate is None:
            for talker in self._talkers.values():
                talker.window = max(1, IN_FLIGHT // self._load.talking)
                talker.talk()
        for client in self._slow:
            self._loop.call_at(clock() + self._random.randint(*PAUSE), partial(self._pause, client))
        if self._load.churn:
            self._churn(clock())

    def _measure(self, start: int) -> None:
        self._set_phase("measure")
        self._timed_since = start

    def _drain(self) -> None:
        """Stop talking, let every client connect and read, and wait for the replies."""
        if self._phase == "drain":
            return
        self._set_phase("drain")
        self._stopped_at = clock()
        if self._schedule is not None:
            self._schedule.end(self._stopped_at)
        for client in self._clients:
            client.window = 0
            client.resume()
            client.connect()
        self._wait_until(clock() + self._patience, self._all_answered, self._report_drained)

    def _report_drained(self) -> None:
        last = dict(self._shared.last)
        for log in self._logs.values():
            last[log.name] = max(last.get(log.name, 0), log.last)
        self._report(Drained(last))

    def _listen_on(self) -> None:
        self._loop.call_at(clock() + QUIET, self._report_audit)

    # -- while it talks

    def _pause(self, client: Client) -> None:
        if self._phase != "drain":
            client.pause()
            back = clock() + self._random.randint(*PAUSE)
            self._loop.call_at(back, partial(self._resume, client))

    def _resume(self, client: Client) -> None:
        if self._phase != "drain":
            client.resume()
            again = clock() + self._random.randint(*PAUSE)
            self._loop.call_at(again, partial(self._pause, client))

    def _churn(self, due: int) -> None:
        """Let one client disconnect, and set the timer for the next one."""
        if self._phase == "drain":
            return
        here = [client for client in self._clients if client.state is State.UP]
        talking = [client for client in here if client.number in self._talkers]
        if len(talking) == 1:  # without it, texts would be late by no fault of the server
            here.remove(talking[0])
        if here:
            self._random.choice(here).disconnect(self._random.randint(*AWAY))
        share = self._load.churn * len(self._clients) / self._load.clients
        following = due + int(SECOND / share)
        self._loop.call_at(following, partial(self._churn, following))

    def _tick(self, due: int) -> None:
        self._set_phase(self._phase)
        self._drop_next = True
        self._loop.call_at(due + TICK, partial(self._tick, due + TICK))

    def _set_phase(self, phase: Phase) -> None:
        """Report the tick, and begin another one in `phase`."""
        tick, cpu = self._shared.tick, time.process_time()
        tick.cpu, self._cpu = cpu - self._cpu, cpu
        tick.stop = clock()
        tick.up = self._shared.up
        self._report(tick)
        self._phase = phase
        self._shared.tick = Tick(phase, tick.stop)

    # -- the end

    def _wait_until(self, until: int, done: Callable[[], bool], then: Callable[[], None]) -> None:
        """Call `then` once `done` returns true, at `until` in any case."""
        if done() or clock() >= until:
            then()
        else:
            self._loop.call_at(clock() + LOOK, partial(self._wait_until, until, done, then))

    def _all_answered(self) -> bool:
        return not any(client.unanswered() for client in self._clients)

    def _all_heard(self) -> bool:
        return all(c.reader.has_all(self._last[c.reader.log.name]) for c in self._clients)

    def _report_audit(self) -> None:
        examples: list[str] = []
        total = Faults()
        for client in self._clients:
            found = client.reader.faults(self._last[client.reader.log.name])
            self._count_missing(client)
            total.add(found)
            if found and len(examples) < EXAMPLES:
                nick = f"{self._load.nick_prefix}{client.number}"
                examples.append(_example(nick, found, client.reader.first_fault))
        for log in self._logs.values():
            found = log.faults
            total.add(found, log.members)
            if found and len(examples) < EXAMPLES:
                everybody = f"all members of {log.name}"
                examples.append(_example(everybody, found, log.first_fault))
        self._set_phase("drain")
        received = sum(client.reader.received for client in self._clients)
        self._report(Audit(received, total, examples, self._room_audits()))
        self._ended = True

    def _count_missing(self, client: Client) -> None:
        """Count what never came, with the whole time that the worker waited for it."""
        now, tick, log = clock(), self._shared.tick, client.reader.log
        last = self._last[log.name]
        for number, due in client.unanswered():
            tick.count_error(UNANSWERED)
            tick.ok.record(now - due)
            if due >= self._timed_since and not log.has_text(client.number, number):
                members = self._load.members(client.number % self._load.rooms)
                tick.delivery.record(now - due, members)
        if client.reader.has_all(last):
            return
        dues = log.dues_from(client.reader.next)
        tick.delivery.record_waits([due for due in dues if due >= self._timed_since], now)
        unknown = last + 1 - max(client.reader.next, log.last + 1)
        if unknown > 0:  # nobody received them: they were due before the end, at the latest
            tick.delivery.record(now - self._stopped_at, unknown)

    def _room_audits(self) -> dict[str, RoomAudit]:
        return {
            log.name: RoomAudit(
                self._shared.confirmed.get(log.name, 0),
                log.own if log.intact else None,
                log.digest,
            )
            for log in self._logs.values()
        }

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients:
            client.close()


def _example(who: str, found: Faults, first_fault: str) -> str:
    return f"{who}: {found.named()}{f' ({first_fault})' if first_fault else ''}"


class _Orders:
    """The orders on the standard input."""

    def __init__(self) -> None:
        self._unread = b""

    def take(self) -> list[Order]:
        """Read once, and return the orders that are complete.

        Raises:
            EOFError: the parent is gone.
        """
        data = os.read(sys.stdin.fileno(), 65536)
        if not data:
            raise EOFError
        *lines, self._unread = (self._unread + data).split(b"\n")
        return [read_order(line) for line in lines]


def _report_line(message: Report) -> None:
    sys.stdout.buffer.write(write_line(message))
    sys.stdout.buffer.flush()


def main() -> int:
    """Work until the parent has the audit, or is gone. Return exit code 0."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    orders = _Orders()
    gc.disable()  # there is hardly any garbage, and a collection would be a pause

    with contextlib.suppress(EOFError, BrokenPipeError), contextlib.closing(Loop()) as loop:
        first: list[Order] = []
        while not first:
            first = orders.take()
        plan, *more = first
        assert isinstance(plan, Plan)
        with contextlib.closing(Worker(plan, loop, _report_line)) as worker:

            def obey(_events: int = READ) -> None:
                for order in orders.take():
                    worker.obey(order)

            loop.watch(sys.stdin.buffer, READ, obey)
            for order in more:
                worker.obey(order)
            worker.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
