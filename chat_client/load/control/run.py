"""One run, from the first look at the server to the result: ramp, load, drain, audit.

The parent process tells the workers when each of these begins, merges what they report, and hands
the result so far to the view. It has no simulated client of its own.
"""

from collections.abc import Callable, Collection
from datetime import UTC, datetime

from chat_client.errors import ChatError, ConnectError, Refused
from chat_client.load.control.collector import Collector
from chat_client.load.control.crew import Crew
from chat_client.load.control.cross_audit import add_audits
from chat_client.load.control.machine import (
    allow_descriptors,
    find_server,
    this_machine,
)
from chat_client.load.control.rooms import Probe, knows_temporary_rooms, remove_rooms
from chat_client.load.generator.loop import clock
from chat_client.load.generator.messages import (
    Audit,
    Begin,
    Drained,
    Finish,
    Plan,
    Ready,
    Report,
    Server,
    Sockaddr,
    Stop,
)
from chat_client.load.model.load_errors import Interrupted, UsageError
from chat_client.load.model.result import Result, Row
from chat_client.load.model.tick import Tick
from chat_client.load.model.verdict import OWN_ERRORS
from chat_client.load.model.workload import Load
from chat_client.transport.address import Address, TcpAddress, TlsAddress
from chat_client.transport.addresses import Addresses
from chat_client.transport.trust import Anybody
from protocol.errors import Code

LOOK = 0.1
"""Seconds at most until Ctrl-C is noticed."""

HEAD_START = 100_000
"""µs from the order to begin until the load begins: every worker must have read it by then."""

Watcher = Callable[[Result, Row], None]
"""Called with every tick: with the result so far, and its newest complete second."""


class Stopper:
    """Ends the load early on Ctrl-C or the key q; the second Ctrl-C ends everything.

    Attributes:
        asked: whether the load must end.
    """

    def __init__(self) -> None:
        self.asked = False

    def end(self) -> None:
        """End the load early."""
        self.asked = True

    def ask(self, *_: object) -> None:
        """Handle the signal, or the key.

        Raises:
            KeyboardInterrupt: it is the second one.
        """
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


class Run:
    """One run. Call `conduct` once."""

    def __init__(
        self,
        servers: Addresses,
        load: Load,
        command: str,
        watch: Watcher,
        stopper: Stopper,
        password: str | None = None,
        *,
        keep_rooms: bool = False,
    ) -> None:
        """
        Args:
            servers: where to go; if there are several, they share their rooms.
            load: what to ask of the server.
            command: the command line, for the reports.
            watch: shows the run.
            stopper: says when to end the load early.
            password: the server's password.
            keep_rooms: whether to leave the rooms of the run on the server.
        """
        self._servers = Addresses(map(_unchecked, servers))
        self._load = load
        self._watch = watch
        self._stopper = stopper
        self._password = password
        self._keep_rooms = keep_rooms
        self._temporary = False  # whether rooms can be removed at the end
        self._workers = load.processes
        self._begun = False  # whether the workers were told to talk
        self._ready: dict[int, Ready] = {}
        self._drained: dict[int, Drained] = {}
        self._audits: dict[int, Audit] = {}
        self._result = Result(
            command=command,
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            server=str(self._servers),
            software="",
            limited=False,
            load=load,
            machine=this_machine(),
            measured=Tick("measure", 0),
            whole=Tick("ramp", 0),
        )
        self._collector = Collector(self._result, load.processes)

    def conduct(self) -> Result:
        """Make the run.

        Returns:
            The result, without a verdict.

        Raises:
            UsageError: no chat server answers, or no client gets in.
            LoadError: a worker ended before its time.
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
        servers = self._look_at_servers()
        plans = [
            Plan(self._load, index, servers, self._password, self._temporary)
            for index in range(self._workers)
        ]
        try:
            with Crew(plans) as crew:
                self._conduct(crew)
        except ChatError:
            self._remove_rooms()
            raise
        self._remove_rooms()
        result = self._result
        result.present = self._collector.up
        add_audits(result, self._audits.values())
        result.whole.stop = clock()
        return result

    def _remove_rooms(self) -> None:
        rooms = self._load.room_names()
        if self._temporary and not self._keep_rooms:
            left = [
                remove_rooms(address, self._probe_nick, self._password, rooms)
                for address in self._servers
            ]
            rooms = [room for room in rooms if any(room in each for each in left)]
        # The server itself removes an empty room in which nothing was said.
        filled = {room for each in self._drained.values() for room, seq in each.last.items() if seq}
        self._result.rooms_kept = [room for room in rooms if room in filled]

    @property
    def _probe_nick(self) -> str:
        return f"{self._load.nick_prefix}-probe"

    def _look_at_servers(self) -> tuple[Server, ...]:
        """Ask each server what it is. Return them, with addresses resolved once for all clients."""
        servers, temporary = [], True
        for address in self._servers:
            try:
                with Probe(address, self._probe_nick, self._password) as probe:
                    where: tuple[int, Sockaddr] = probe.family, probe.peer
                    if not self._keep_rooms:
                        first = self._load.room_names()[0]
                        temporary = knows_temporary_rooms(probe, first) and temporary
            except (Refused, ConnectError) as error:
                raise UsageError(_with_advice(error)) from None
            servers.append(Server(*where, tls=isinstance(address, TlsAddress)))
            limited = probe.welcome.limits.get("requests_per_second") is not None
            self._result.limited = self._result.limited or limited
            self._result.software = self._result.software or probe.welcome.server
        self._temporary = temporary and not self._keep_rooms
        if isinstance(self._servers[0], TcpAddress):
            self._collector.watch_server(find_server(servers[0].family, servers[0].address))
        return tuple(servers)

    def _conduct(self, crew: Crew) -> None:
        self._serve(crew, self._ready)
        up = sum(ready.up for ready in self._ready.values())
        if not up:
            reasons = {ready.reason for ready in self._ready.values() if ready.reason}
            raise UsageError(nobody_came(reasons))
        begin = clock() + HEAD_START
        self._collector.begin(begin)
        self._begun = True
        crew.tell(Begin(begin))
        self._serve(crew, self._drained)
        last: dict[str, int] = {}
        for quiet in self._drained.values():
            for room, seq in quiet.last.items():
                last[room] = max(last.get(room, 0), seq)
        crew.tell(Finish(last))
        self._serve(crew, self._audits)

    def _serve(
        self, crew: Crew, answers: dict[int, Ready] | dict[int, Drained] | dict[int, Audit]
    ) -> None:
        """Take reports until every worker has sent the one that ends a stage."""
        while len(answers) < self._workers:
            for index, report in crew.reports(LOOK):
                self._take(index, report)
                if isinstance(report, Audit):
                    crew.dismiss(index)
            if self._stopper.asked and not self._result.interrupted:
                if not self._begun:
                    raise Interrupted(
                        "the run was ended before its load began, so there is nothing to report; "
                        "no file was changed"
                    )
                self._result.interrupted = True
                crew.tell(Stop())

    def _take(self, index: int, report: Report) -> None:
        match report:
            case Tick():
                self._collector.add(index, report)
                self._watch(self._result, self._collector.newest())
            case Ready():
                self._ready[index] = report
            case Drained():
                self._drained[index] = report
            case Audit():
                self._audits[index] = report


def nobody_came(reasons: Collection[str]) -> str:
    """Return the error for a run in which no client got in.

    Args:
        reasons: why clients did not get in: each a code and what the server says.
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


def _unchecked(address: Address) -> Address:
    if isinstance(address, TlsAddress):
        return TlsAddress(address.host, address.port, Anybody())
    return address


def _with_advice(error: ChatError) -> str:
    if isinstance(error, Refused) and error.code == Code.BAD_PASSWORD:
        return f"{str(error).rstrip(' .')}. It is given by --password-file or CHAT_PASSWORD"
    return str(error)
