"""One run, from the first look at the server to the result: ramp, load, drain, audit.

The parent conducts: it tells the workers when to begin, merges what they report and hands it to
whoever watches. It never touches a client.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime

from chat_client.errors import ChatError, ConnectError, Refused
from chat_client.load.control.crew import Crew
from chat_client.load.control.machine import (
    ServerUse,
    allow_descriptors,
    find_server,
    server_use,
    this_machine,
)
from chat_client.load.control.rooms import Probe, knows_temporary_rooms, remove_rooms
from chat_client.load.generator.loop import clock
from chat_client.load.generator.messages import (
    End,
    Finish,
    Plan,
    Quiet,
    Ready,
    Report,
    RoomEnd,
    Sockaddr,
    Stop,
    Talk,
)
from chat_client.load.model.faults import Faults
from chat_client.load.model.load_errors import Interrupted, UsageError
from chat_client.load.model.result import ErrorCount, Result, Row, ServerSide
from chat_client.load.model.tick import Tick
from chat_client.load.model.verdict import OWN_ERRORS
from chat_client.load.model.workload import Load
from chat_client.transport.address import Address, TcpAddress, TlsAddress
from chat_client.transport.trust import Anybody
from protocol.errors import Code

LOOK = 0.1
"""Seconds between looks at whether Ctrl-C was pressed."""

HEAD_START = 100_000
"""µs from when the order to begin is given until it is to be obeyed."""

Watcher = Callable[[Result, Row], None]
"""Called with the result so far and its newest complete second, with every tick."""


class Stopper:
    """Ctrl-C, or the key q: ends the load early, or, the second time, everything.

    Attributes:
        asked: whether it was pressed.
    """

    def __init__(self) -> None:
        self.asked = False

    def end(self) -> None:
        """End the load early, however often it was asked for."""
        self.asked = True

    def ask(self, *_: object) -> None:
        """Handle the signal.

        Raises:
            KeyboardInterrupt: it is not the first.
        """
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


class Run:
    """One run. `conduct` is all that it does."""

    def __init__(
        self, address: Address, load: Load, command: str, watch: Watcher, stopper: Stopper,
        password: str | None = None, *, keep_rooms: bool = False,
    ) -> None:  # fmt: skip
        """
        Args:
            address: the server's.
            load: what to ask of it.
            command: how the run was asked for.
            watch: shows it while it runs.
            stopper: whom Ctrl-C tells.
            password: the server's.
            keep_rooms: whether what was said stays on the server.
        """
        if isinstance(address, TlsAddress):
            address = TlsAddress(address.host, address.port, Anybody())
        self._address = address
        self._load = load
        self._watch = watch
        self._stopper = stopper
        self._password = password
        self._keep_rooms = keep_rooms
        self._temporary = False  # whether rooms can be removed at the end
        self._workers = load.processes
        self._ups = [0] * load.processes
        self._heard = [0] * load.processes  # until when each worker has told, in µs
        self._begin = 0  # when the load begins, in µs
        self._stopped = 0  # when the first worker had said its last
        self._ready: dict[int, Ready] = {}
        self._quiet: dict[int, Quiet] = {}
        self._ends: dict[int, End] = {}
        self._pid: int | None = None
        self._use: ServerUse | None = None
        self._use_at = 0
        self._result = Result(
            command=command,
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            server=str(address),
            software="",
            limited=False,
            load=load,
            machine=this_machine(),
            measured=Tick("measure", 0),
            whole=Tick("ramp", 0),
        )

    def conduct(self) -> Result:
        """Make the run.

        Returns:
            The result, without a verdict.

        Raises:
            UsageError: there is no server, or nobody gets in.
            LoadError: a worker died.
            ConnectError: there is no server.
            Interrupted: Ctrl-C was pressed before the load began.
            KeyboardInterrupt: Ctrl-C was pressed twice.
        """
        short = allow_descriptors(-(-self._load.clients // self._workers))
        if short is not None:
            raise UsageError(
                f"{self._load.clients} clients in {self._workers} processes need more open files "
                f"than the {short} that this user may have in each: raise `ulimit -n`, or give "
                "fewer --clients or more --processes"
            )
        family, sockaddr = self._look_at_server()
        tls = isinstance(self._address, TlsAddress)
        plans = [
            Plan(self._load, index, family, sockaddr, self._password, tls, self._temporary)
            for index in range(self._workers)
        ]
        try:
            with Crew(plans) as crew:
                self._conduct(crew)
        except ChatError:
            self._remove_rooms()
            raise
        self._remove_rooms()
        self._audit()
        return self._result

    def _remove_rooms(self) -> None:
        rooms = self._load.room_names()
        if self._temporary and not self._keep_rooms:
            rooms = remove_rooms(self._address, self._probe_nick, self._password, rooms)
        # A room in which nothing was said is gone with its last member.
        filled = {room for each in self._quiet.values() for room, seq in each.last.items() if seq}
        self._result.rooms_kept = [room for room in rooms if room in filled]

    @property
    def _probe_nick(self) -> str:
        return f"{self._load.nick_prefix}-probe"

    def _look_at_server(self) -> tuple[int, Sockaddr]:
        """Ask who the server is, and where exactly: its name is looked up once, not N times."""
        try:
            with Probe(self._address, self._probe_nick, self._password) as probe:
                where: tuple[int, Sockaddr] = probe.family, probe.peer
                if not self._keep_rooms:
                    first = self._load.room_names()[0]
                    self._temporary = knows_temporary_rooms(probe, first)
        except (Refused, ConnectError) as error:
            raise UsageError(_with_advice(error)) from None
        self._result.software = probe.welcome.server
        self._result.limited = probe.welcome.limits.get("requests_per_second") is not None
        if isinstance(self._address, TcpAddress):
            self._pid = find_server(*where)
        return where

    def _conduct(self, crew: Crew) -> None:
        self._serve(crew, self._ready)
        up = sum(ready.up for ready in self._ready.values())
        if not up:
            reasons = {ready.reason for ready in self._ready.values() if ready.reason}
            raise UsageError(nobody_came(reasons))
        self._begin = clock() + HEAD_START
        crew.tell(Talk(self._begin))
        self._serve(crew, self._quiet)
        last: dict[str, int] = {}
        for quiet in self._quiet.values():
            for room, seq in quiet.last.items():
                last[room] = max(last.get(room, 0), seq)
        crew.tell(Finish(last))
        self._serve(crew, self._ends)

    def _serve(
        self, crew: Crew, answers: dict[int, Ready] | dict[int, Quiet] | dict[int, End]
    ) -> None:
        """Take reports until every worker has given the one that ends a stage."""
        while len(answers) < self._workers:
            for index, report in crew.reports(LOOK):
                self._take(index, report)
                if isinstance(report, End):
                    crew.dismiss(index)
            if self._stopper.asked and not self._result.interrupted:
                if not self._begin:
                    raise Interrupted(
                        "the run was ended before its load began, so there is nothing to report; "
                        "no file was changed"
                    )
                self._result.interrupted = True
                crew.tell(Stop())

    def _take(self, index: int, report: Report) -> None:
        match report:
            case Tick():
                self._ups[index] = report.up
                self._heard[index] = report.stop
                self._merge(report)
            case Ready():
                self._ready[index] = report
            case Quiet():
                self._quiet[index] = report
            case End():
                self._ends[index] = report

    def _merge(self, tick: Tick) -> None:
        result = self._result
        length = (tick.stop - tick.start) / 1e6
        share = tick.cpu / length if length > 0.1 else 0.0  # a shorter one says nothing
        result.whole.add(tick)
        at = (tick.stop - self._begin) / 1e6 if self._begin else 0.0
        for code, count in tick.errors.items():
            known = result.errors.setdefault(code, ErrorCount(0, at, at))
            known.count += count
            known.last = max(known.last, at)
        if tick.phase == "measure":
            result.measured.add(tick)
            result.busiest = max(result.busiest, share)
            self._note_measured(tick)
        elif tick.phase == "drain":
            # What was due in time came late: it counts all the same.
            result.measured.ok.merge(tick.ok)
            result.measured.delivery.merge(tick.delivery)
            self._stopped = self._stopped or tick.start
            result.drained = (tick.stop - self._stopped) / 1e6
        row = self._row(tick)
        row.busiest = max(row.busiest, share)
        self._watch(result, self._newest())

    def _newest(self) -> Row:
        """The newest second of which every worker has told all; the first of them is the ramp."""
        complete = (min(self._heard) - self._begin) // 1_000_000 if self._begin else 0
        rows = self._result.rows
        return next((row for row in reversed(rows) if row.second < complete), rows[0])

    def _note_measured(self, tick: Tick) -> None:
        measured = self._result.measured
        measured.start = min(measured.start or tick.start, tick.start)
        measured.stop = max(measured.stop, tick.stop)
        self._result.seconds = (measured.stop - measured.start) / 1e6

    def _row(self, tick: Tick) -> Row:
        """The second that a tick falls into, with the tick in it."""
        middle = (tick.start + tick.stop) // 2
        second = -1 if tick.phase == "ramp" else (middle - self._begin) // 1_000_000
        rows = self._result.rows
        if not rows or rows[-1].second < second:
            rows.append(Row(second, Tick(tick.phase, tick.start)))
        row = next(row for row in reversed(rows) if row.second <= second)
        row.tick.add(tick)
        row.tick.phase = tick.phase
        row.tick.stop = max(row.tick.stop, tick.stop)
        row.up = sum(self._ups)
        self._note_server(row)
        return row

    def _note_server(self, row: Row) -> None:
        """See what the server's process uses, once a second or so."""
        now = clock()
        if self._pid is None or now - self._use_at < 900_000:
            return
        use = server_use(self._pid)
        if use is None:
            return
        if self._use is not None:
            row.server_cpu = (use.cpu - self._use.cpu) / (now - self._use_at) * 1e6
        row.server_memory = use.memory
        self._add_server_side(use, row.tick.phase == "measure")
        self._use, self._use_at = use, now

    def _add_server_side(self, use: ServerUse, measured: bool) -> None:
        before = self._result.server_side or ServerSide(0.0, 0, 0)
        spent = use.cpu - self._use.cpu if self._use is not None and measured else 0.0
        self._result.server_side = ServerSide(
            before.cpu + spent, max(before.memory, use.memory), max(before.threads, use.threads)
        )

    def _audit(self) -> None:
        """Merge the audits, and see whether all workers saw the same."""
        result = self._result
        result.present = sum(self._ups)
        for end in self._ends.values():
            result.received += end.received
            result.faults.add(end.faults)
            result.examples += end.examples
        for room in sorted({room for end in self._ends.values() for room in end.rooms}):
            ends = [end.rooms[room] for end in self._ends.values() if room in end.rooms]
            found = differing(ends, self._load.members(int(room.rpartition("-")[2])))
            result.faults.add(found)
            if found:
                result.examples.append(f"{room}, as the workers saw it: {found.named()}")
        wrong = result.faults
        result.expected = result.received + wrong.lost - wrong.doubled
        result.examples = result.examples[:5]
        result.whole.stop = clock()


def nobody_came(reasons: Collection[str]) -> str:
    """Return the sentence for a run that nobody came to.

    Args:
        reasons: why some could not come in, each a code and what the server says.
    """
    advice = "Is the server full, or does it refuse them?"
    own = [code for code in OWN_ERRORS if any(reason.startswith(code) for reason in reasons)]
    if own:
        advice = (
            f"This machine {OWN_ERRORS[own[0]]}: that is the generator's limit, not the server's. "
            "Give fewer --clients, or share them among several machines."
        )
    if any(reason.startswith(Code.NICK_IN_USE) for reason in reasons):
        advice = "If another load test runs there, give this one a --nick-prefix of its own."
    told = "; ".join(sorted(reasons))
    return f"no client got in within the time it may take ({told}). {advice}"


def _with_advice(error: ChatError) -> str:
    if isinstance(error, Refused) and error.code == Code.BAD_PASSWORD:
        return f"{str(error).rstrip(' .')}. It is given by --password-file or CHAT_PASSWORD"
    return str(error)


def differing(ends: Sequence[RoomEnd], members: int) -> Faults:
    """Return what is wrong with a room that shows only when all workers are looked at.

    Args:
        ends: how it ended for each worker.
        members: how many clients are in it.
    """
    logs = {(end.own, end.digest) for end in ends if end.own is not None and end.own}
    counts = {own for own, _ in logs if own is not None}
    found = Faults()
    if len(counts) == 1 and len(logs) > 1:  # as many messages, and others, or in another order
        found.reordered = members
    if counts:
        confirmed = sum(end.confirmed for end in ends)
        found.lost = max(0, confirmed - max(counts)) * members
    return found
