"""A worker: one process, one loop, its share of the clients, from the ramp to the audit.

It reads orders from its standard input and writes reports to its standard output; when the input
ends, its parent is gone and it ends as well. The moments of a run follow from when to begin to
talk and from the load, and are the same in all workers; ticks are counted from there, too, and none
reaches over the end of a phase.
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

from chat_client.load.generator.clients import Client, Crowd, State
from chat_client.load.generator.loop import READ, Loop, Ready, clock
from chat_client.load.generator.messages import (
    End,
    Finish,
    Order,
    Plan,
    Quiet,
    Report,
    RoomEnd,
    Stop,
    Talk,
    read_order,
    write_line,
)
from chat_client.load.generator.messages import Ready as AllIn
from chat_client.load.generator.room_log import RoomLog
from chat_client.load.model.faults import Faults
from chat_client.load.model.schedule import Schedule
from chat_client.load.model.tick import UNANSWERED, Phase, Tick

SECOND = 1_000_000
TICK = SECOND // 2

AT_ONCE = 100
"""How many clients come at the same time: few enough that a server's queue refuses none."""

RAMP_PATIENCE = 20 * SECOND
"""How much longer than the ramp the clients may take to come in."""

QUIET = SECOND // 4
"""How long one listens for more when all is there: for what comes twice."""

LOOK = SECOND // 100
"""How often it is looked whether something is complete."""

TURNS_PER_STAMP = 16
"""How many sockets are read before the time is taken for what they held. It is taken late rather
than early, by what it takes to read so many, and the schedule is looked at as often."""

IN_FLIGHT = 1024
"""How many texts have no reply in a closed loop, all talkers together."""

AWAY = (SECOND // 2, 3 * SECOND // 2)
"""How long a client that lost its connection on purpose stays away, from and to."""

PAUSE = (SECOND, 3 * SECOND)
"""How long a slow client reads, and how long it does not, from and to."""

FOREVER = 3600 * SECOND


class Worker:
    """One worker. `run` is all that it does."""

    def __init__(self, plan: Plan, loop: Loop, report: Callable[[Report], None]) -> None:
        """
        Args:
            plan: what is to be done.
            loop: the one that calls everything.
            report: takes what is to be told to the parent.
        """
        self._load = load = plan.load
        self._loop = loop
        self._report = report
        self._random = random.Random(f"{load.seed}.{plan.index}")
        self._patience = int(load.patience * SECOND)
        self._crowd = Crowd(loop, Tick("ramp", clock()), plan)
        self._logs: dict[str, RoomLog] = {}
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
        self._forget_next = False
        self._ended = False

    def run(self) -> None:
        """Serve until the audit is reported."""
        self._ramp(clock())
        while not self._ended:
            next_timer = self._loop.run_timers()
            next_due = self._say_due()
            moments = [when for when in (next_timer, next_due) if when is not None]
            ready = self._loop.poll(min(moments, default=clock() + FOREVER))
            for start in range(0, len(ready), TURNS_PER_STAMP):
                self._turn(ready[start : start + TURNS_PER_STAMP])

    def take(self, order: Order) -> None:
        """Do what the parent says."""
        match order:
            case Talk(at=moment):
                self._talk(moment)
            case Stop():
                self._stop()
            case Finish(last=last):
                self._last = last
                self._wait(clock() + self._patience, self._all_heard, self._listen_on)
            case Plan():
                raise AssertionError("a worker has one plan")

    # -- the loop's turns

    def _turn(self, ready: list[tuple[Ready, int]]) -> None:
        for call, events in ready:
            call(events)
        # What was said after a phase began is heard after it began: let it begin here, too.
        self._loop.run_timers()
        now, since, tick = clock(), self._timed_since, self._crowd.tick
        for log in self._logs.values():
            log.settle(now, since, tick.delivery)
        tick.ok.record_waits([due for due in self._crowd.answered if due >= since], now)
        self._crowd.answered.clear()
        if self._forget_next:
            self._forget()
        self._say_due()

    def _forget(self) -> None:
        """Drop what all have of the logs. Not before what was heard of it is settled."""
        self._forget_next = False
        for log in self._logs.values():
            places = [c.reader.place for c in self._clients if c.reader.log is log]
            log.forget_before(min((place for place in places if place is not None), default=0))

    def _say_due(self) -> int | None:
        """Say what is due, and return when the next is."""
        if self._schedule is None:
            return None
        talking = set()
        for number, due in self._schedule.take_due(clock()):
            talker = self._stand_in(number)
            if talker is None:
                self._crowd.tick.missed += 1
                self._talkers[number].owe(due)
                continue
            talker.say(due)
            talking.add(talker)
        for talker in talking:
            talker.flush()
        return self._schedule.next_due

    def _stand_in(self, number: int) -> Client | None:
        """The talker of that number, or another if it is not here just now."""
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
            log = self._logs[room] = RoomLog(room, load.seed)
        return Client(
            self._crowd,
            number,
            f"{load.nick_prefix}{number}",
            log,
            load.seed,
            timed=number < load.clients - load.slow_ones,
            text_size=partial(self._random.randint, load.shortest, load.longest),
        )

    def _ramp(self, began: int) -> None:
        """Let the clients come, and look again soon until they are there."""
        ramp = int(self._load.ramp * SECOND)
        now = clock()
        coming = sum(c.state not in (State.AWAY, State.UP) for c in self._clients)
        while self._coming and coming < AT_ONCE:
            due = began + ramp * self._coming[-1].number // self._load.clients
            if due > now:
                break
            self._coming.pop().come()
            coming += 1
        over = now > began + ramp + RAMP_PATIENCE
        if self._crowd.up == len(self._clients) or over:
            self._set_phase(self._phase)
            reason = "" if self._crowd.up == len(self._clients) else self._crowd.refusal
            self._report(AllIn(self._crowd.up, reason))
            return
        self._loop.call_at(now + LOOK // 2, partial(self._ramp, began))
        if now - self._crowd.tick.start > TICK:
            self._set_phase(self._phase)

    def _talk(self, start: int) -> None:
        load = self._load
        warm = start + int(load.warm_up * SECOND)
        stop = warm + int(load.duration * SECOND)
        self._timed_since = start
        if load.rate is not None:
            own = sorted(self._talkers)
            self._schedule = Schedule(load.rate, load.talking, own, start, stop)
        at = self._loop.call_at
        at(start, partial(self._begin, "warm-up"))
        at(warm, partial(self._measure, warm))
        at(stop, self._stop)
        at(start + TICK, partial(self._tick, start + TICK))

    def _begin(self, phase: Phase) -> None:
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

    def _stop(self) -> None:
        """Say nothing more, let everybody come back and read, and wait for the replies."""
        if self._phase == "drain":
            return
        self._set_phase("drain")
        self._stopped_at = clock()
        if self._schedule is not None:
            self._schedule.end(self._stopped_at)
        for client in self._clients:
            client.window = 0
            client.resume()
            client.come()
        self._wait(clock() + self._patience, self._all_answered, self._tell_quiet)

    def _tell_quiet(self) -> None:
        last = dict(self._crowd.last)
        for log in self._logs.values():
            last[log.name] = max(last.get(log.name, 0), log.last)
        self._report(Quiet(last))

    def _listen_on(self) -> None:
        self._loop.call_at(clock() + QUIET, self._end)

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
        """Let one client lose its connection, and the next one when it is due."""
        if self._phase == "drain":
            return
        here = [client for client in self._clients if client.state is State.UP]
        talking = [client for client in here if client.number in self._talkers]
        if len(talking) == 1:  # what is due meanwhile would be late, and not by the server's fault
            here.remove(talking[0])
        if here:
            self._random.choice(here).go(self._random.randint(*AWAY))
        share = self._load.churn * len(self._clients) / self._load.clients
        following = due + int(SECOND / share)
        self._loop.call_at(following, partial(self._churn, following))

    def _tick(self, due: int) -> None:
        self._set_phase(self._phase)
        self._forget_next = True
        self._loop.call_at(due + TICK, partial(self._tick, due + TICK))

    def _set_phase(self, phase: Phase) -> None:
        """Report what happened until now, and count anew."""
        tick, cpu = self._crowd.tick, time.process_time()
        tick.cpu, self._cpu = cpu - self._cpu, cpu
        tick.stop = clock()
        tick.up = self._crowd.up
        self._report(tick)
        self._phase = phase
        self._crowd.tick = Tick(phase, tick.stop)

    # -- the end

    def _wait(self, until: int, done: Callable[[], bool], then: Callable[[], None]) -> None:
        """Call `then` when it is `done`, or the time has come."""
        if done() or clock() >= until:
            then()
        else:
            self._loop.call_at(clock() + LOOK, partial(self._wait, until, done, then))

    def _all_answered(self) -> bool:
        return not any(client.unanswered() for client in self._clients)

    def _all_heard(self) -> bool:
        return all(c.reader.has_all(self._last[c.reader.log.name]) for c in self._clients)

    def _end(self) -> None:
        examples: list[str] = []
        total = Faults()
        for client in self._clients:
            found = client.reader.faults(self._last[client.reader.log.name])
            self._count_waits(client)
            total.add(found)
            if found and len(examples) < 5:
                nick = f"{self._load.nick_prefix}{client.number}"
                examples.append(_example(nick, found, client.reader.complaint))
        for log in self._logs.values():
            found = log.faults
            total.add(found, log.members)
            if found and len(examples) < 5:
                everybody = f"all members of {log.name}"
                examples.append(_example(everybody, found, log.complaint))
        self._set_phase("drain")
        received = sum(client.reader.received for client in self._clients)
        self._report(End(received, total, examples, self._room_ends()))
        self._ended = True

    def _count_waits(self, client: Client) -> None:
        """Count what never came with all the time that was waited for it."""
        now, tick, log = clock(), self._crowd.tick, client.reader.log
        last = self._last[log.name]
        for number, due in client.unanswered():
            tick.count_error(UNANSWERED)
            tick.ok.record(now - due)
            if due >= self._timed_since and not log.has_heard(client.number, number):
                members = self._load.members(client.number % self._load.rooms)
                tick.delivery.record(now - due, members)
        if client.reader.has_all(last):
            return
        dues = log.dues_from(client.reader.next)
        tick.delivery.record_waits([due for due in dues if due >= self._timed_since], now)
        unknown = last + 1 - max(client.reader.next, log.last + 1)
        if unknown > 0:  # when they were due is not known, but it was before the end
            tick.delivery.record(now - self._stopped_at, unknown)

    def _room_ends(self) -> dict[str, RoomEnd]:
        return {
            log.name: RoomEnd(
                self._crowd.confirmed.get(log.name, 0),
                log.own if log.intact else None,
                log.digest,
            )
            for log in self._logs.values()
        }

    def close(self) -> None:
        """Break all connections."""
        for client in self._clients:
            client.close()


def _example(who: str, found: Faults, complaint: str) -> str:
    return f"{who}: {found.named()}{f' ({complaint})' if complaint else ''}"


class _Orders:
    """The orders that come through the standard input."""

    def __init__(self) -> None:
        self._unread = b""

    def take(self) -> list[Order]:
        """Wait for more to read, and return the orders in it.

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
    """Work until the parent has the audit, or is gone. Return the exit code, 0."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    orders = _Orders()
    gc.disable()  # hardly anything here is garbage, and a collection would be a pause
    with contextlib.suppress(EOFError, BrokenPipeError), contextlib.closing(Loop()) as loop:
        first: list[Order] = []
        while not first:
            first = orders.take()
        plan, *more = first
        assert isinstance(plan, Plan)
        with contextlib.closing(Worker(plan, loop, _report_line)) as worker:

            def obey(_events: int = READ) -> None:
                for order in orders.take():
                    worker.take(order)

            loop.watch(sys.stdin.buffer, READ, obey)
            for order in more:
                worker.take(order)
            worker.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
