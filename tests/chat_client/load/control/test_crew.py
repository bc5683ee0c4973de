"""The worker processes: their reports, and their end."""

import os
import signal

import pytest

from chat_client.load.control.crew import Crew
from chat_client.load.generator.messages import Plan, Ready, Report, Server
from chat_client.load.model.load_errors import LoadError
from chat_client.load.model.workload import Load
from tests.chat_client.load.faulty import faulty_server
from tests.support.leaks import nothing_left_behind
from tests.support.waiting import eventually


def plan_for(address: str) -> Plan:
    host, _, port = address.rpartition(":")
    return Plan(Load(clients=1), 0, (Server(2, (host, int(port))),))


def test_a_worker_reports_and_ends_with_the_context() -> None:
    """The worker reports, and its process and pipes end with the context."""
    with nothing_left_behind(), faulty_server() as address, Crew([plan_for(address)]) as crew:
        reports: list[tuple[int, Report]] = []

        def ready() -> bool:
            reports.extend(crew.reports(1.0))
            return (0, Ready(1, "")) in reports

        eventually(ready)


def test_a_worker_that_is_killed() -> None:
    """The parent does not wait for a worker that was killed. It says how it ended."""
    with nothing_left_behind(), faulty_server() as address, Crew([plan_for(address)]) as crew:
        os.kill(crew._workers[0].pid, signal.SIGKILL)
        with pytest.raises(LoadError) as caught:
            eventually(lambda: crew.reports(1.0) and None)
        assert "worker process 1 ended with code -9 before the run was over" in str(caught.value)


def test_a_worker_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a worker cannot be started, the others are ended."""
    monkeypatch.setattr("sys.executable", "/no/such/python")
    with nothing_left_behind(), pytest.raises(FileNotFoundError):
        Crew([plan_for("127.0.0.1:1"), plan_for("127.0.0.1:1")])
