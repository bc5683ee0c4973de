"""Metrics for Prometheus: what was counted, and what can be seen at the moment somebody looks.

No label names a user or a room: they would be series without end, and a list of who is where for
everybody who may look. The registry is the server's own, so that two servers in one process, as in
tests, do not meet.
"""

import logging
import socket
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, MetricsHandler, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from chat_server.delivery.counters import (
    BATCH_SIZES,
    COMMIT_TIMES,
    DELIVERY_TIMES,
    RecordingCounters,
)
from chat_server.gateways.connection import Connection
from chat_server.identity.connection_limit import ConnectionLimit
from chat_server.network.addresses import address_of
from chat_server.network.socket_service import SocketService
from chat_server.requests.context import Context
from chat_server.version import SERVER

log = logging.getLogger(__name__)


class Metrics:
    """The socket that Prometheus asks at, and its thread."""

    def __init__(
        self,
        sock: socket.socket,
        parts: Context,
        crowd: ConnectionLimit[Connection],
        counters: RecordingCounters,
    ) -> None:
        """
        Args:
            sock: bound; from now on this part's to close.
            parts: the server's.
            crowd: who is connected.
            counters: what the parts count with.
        """
        registry = CollectorRegistry()
        registry.register(_Collector(parts, crowd, counters))
        ProcessCollector(registry=registry)
        self._handler: Any = MetricsHandler.factory(registry)
        self._service = SocketService("metrics", sock, self._serve, parts.timers)
        self.address = address_of(sock)
        log.info("metrics at http://%s/metrics", self.address.authority)

    def start(self) -> None:
        """Listen, and start the thread."""
        self._service.start()

    def stop(self) -> None:
        """Cut off who is asking, and end the thread."""
        self._service.stop()

    def close(self) -> None:
        """Close the socket, also of metrics that were never started, and also twice."""
        self._service.close()

    def _serve(self, visitor: socket.socket) -> None:
        # One request: HTTP/1.0, which is the handler's default, closes after it.
        self._handler(visitor, None, None)


class _Collector(Collector):
    """Turns numbers into Prometheus's families, each time somebody asks."""

    def __init__(
        self, parts: Context, crowd: ConnectionLimit[Connection], counters: RecordingCounters
    ) -> None:
        self._parts = parts
        self._crowd = crowd
        self._counters = counters

    def describe(self) -> Iterable[Metric]:
        """Nothing, as names are not shared with another collector."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield all families."""
        yield InfoMetricFamily("backchannel", "Which server this is.", value={"server": SERVER})
        yield from self._seen()
        yield from self._counted()

    def _seen(self) -> Iterator[Metric]:
        connections, rooms = self._crowd.connections(), self._parts.rooms.all()
        here = [connection for connection in connections if not connection.ended]
        yield GaugeMetricFamily(
            "backchannel_connections", "Open connections.", value=len(connections)
        )
        yield GaugeMetricFamily(
            "backchannel_clients", "Clients that have said hello.",
            value=sum(connection.nick is not None for connection in here),
        )  # fmt: skip
        yield GaugeMetricFamily(
            "backchannel_clients_behind",
            "Clients that do not keep up at the moment, and are fed from the log.",
            value=sum(connection.outbox.catching_up for connection in here),
        )
        yield GaugeMetricFamily("backchannel_rooms", "Rooms.", value=len(rooms))
        yield GaugeMetricFamily(
            "backchannel_members", "Memberships of clients in rooms.",
            value=sum(len(room.members()) for room in rooms),
        )  # fmt: skip
        yield GaugeMetricFamily(
            "backchannel_waiting_messages", "Messages that wait to be stored.",
            value=sum(room.waiting for room in rooms),
        )  # fmt: skip
        yield GaugeMetricFamily(
            "backchannel_storing", "1 if the store could be written the last time, else 0.",
            value=not self._parts.delivery.refusing,
        )  # fmt: skip
        yield from self._engine()
        yield CounterMetricFamily(
            "backchannel_deliveries", "Messages handed to members, one for each member.",
            value=self._parts.rooms.delivered,
        )  # fmt: skip

    def _engine(self) -> Iterator[Metric]:
        """How an engine is doing that several servers share."""
        neighbours = self._parts.store.neighbours
        if neighbours is None:
            return
        health = neighbours.health()
        yield GaugeMetricFamily(
            "backchannel_servers", "Servers that live on the same engine.", value=health.servers
        )
        yield GaugeMetricFamily(
            "backchannel_engine_round_trip_seconds",
            "How long the engine took for its last answer to a renewal of the lease.",
            value=health.round_trip,
        )
        yield GaugeMetricFamily(
            "backchannel_engine_lag_seconds",
            "After how long this server heard what it had told itself by way of the engine.",
            value=health.lag,
        )

    def _counted(self) -> Iterator[Metric]:
        seen = self._counters.snapshot()
        yield CounterMetricFamily(
            "backchannel_connections_accepted", "Connections so far.", value=seen.connected
        )
        sessions = CounterMetricFamily(
            "backchannel_sessions", "Hellos that were answered with a welcome.", labels=["kind"]
        )
        sessions.add_metric(["new"], seen.begun)
        sessions.add_metric(["resumed"], seen.resumed)
        yield sessions
        yield _by_code("backchannel_refusals", "Requests and connections refused.", seen.refusals)
        yield _by_code("backchannel_closes", "Connections that ended.", seen.closes)
        yield CounterMetricFamily("backchannel_messages", "Messages stored.", value=seen.messages)
        yield _distribution(
            "backchannel_batch_messages", "Messages stored in one transaction.",
            BATCH_SIZES, seen.batches,
        )  # fmt: skip
        yield _distribution(
            "backchannel_commit_seconds", "How long a transaction took.",
            COMMIT_TIMES, seen.commits,
        )  # fmt: skip
        yield _distribution(
            "backchannel_delivery_seconds",
            "From when the first message of a batch was posted until the batch had been handed to "
            "the last member that keeps up.",
            DELIVERY_TIMES, seen.deliveries,
        )  # fmt: skip


def _by_code(name: str, text: str, counts: dict[Any, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=["code"])
    for code, count in sorted(counts.items()):
        family.add_metric([str(code)], count)
    return family


def _distribution(
    name: str, text: str, bounds: tuple[float, ...], found: tuple[tuple[int, ...], float]
) -> Metric:
    counts, total = found
    limits = [*(str(float(bound)) for bound in bounds), "+Inf"]
    buckets = list(zip(limits, accumulate(counts), strict=True))
    return HistogramMetricFamily(name, text, buckets=buckets, sum_value=total)
