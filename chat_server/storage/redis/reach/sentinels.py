"""Which Redis is the master just now, as its sentinels say.

This is the client's part of it: ask one sentinel after the other, and believe what one says only if
the Redis that it names is a master (https://redis.io/docs/latest/develop/reference/sentinel-clients).
redis-py's own `Sentinel` asks for all masters in place of the one (`SENTINEL MASTERS`), which names
the old one for longer during a failover, and tries again behind one's back.
"""

from typing import Any

from redis.exceptions import AuthenticationError, ResponseError

from chat_server.runtime.config.log_address import LogAddress, place
from chat_server.runtime.errors import StoreError
from chat_server.storage.redis.reach.redis_wire import (
    LOST,
    Connect,
    OneConnection,
    RedisAwayError,
    exchange,
    make_connection,
    see_that_it_is_a_master,
)

SENTINEL_TIMEOUT = 1.0
"""Seconds that a sentinel may take to answer. Then the next one is asked."""


class NoMasterError(StoreError):
    """All sentinels answer, and none knows a master of that name."""


class Sentinels:
    """The sentinels of one master. Any thread may call any method."""

    def __init__(self, address: LogAddress, password: str) -> None:
        """
        Args:
            address: where the sentinels are, and what they call the master.
            password: of the master, which a sentinel gets that asks for one; or "".
        """
        self._address = address
        self._password = password
        # Whoever answered last comes first. Replaced as a whole, by any thread.
        self._order = [address.at(host, port) for host, port in address.sentinels]

    def connect(self, connect: Connect) -> tuple[OneConnection, str, LogAddress]:
        """Connect to the master. Return that connection, the master's run id, and where it is.

        Args:
            connect: connects to it; raises StoreError.

        Raises:
            NoMasterError: no sentinel knows a master of that name.
            RedisAwayError: no sentinel can be reached, or none names a master that can be.
            StoreError: the master does not let us in.
        """
        said: dict[str, bool] = {}  # what is wrong, and whether it may be right later
        tried: set[LogAddress] = set()
        for sentinel in list(self._order):
            try:
                master = self._ask(sentinel)
                if master in tried:
                    continue
                tried.add(master)
                connection, run = connect(master)
                see_that_it_is_a_master(connection, master)
            except NoMasterError as error:
                said[str(error)] = False
            except RedisAwayError as error:
                said[str(error)] = True
            else:
                self._put_first(sentinel)
                return connection, run, master
        reason = f"{self._address} leads to no master: {'; '.join(said)}"
        raise RedisAwayError(reason) if any(said.values()) else NoMasterError(reason)

    def named(self) -> LogAddress | None:
        """Return where the master is, as one sentinel says; None if it does not answer."""
        sentinel = self._order[0]
        try:
            return self._ask(sentinel)
        except StoreError:
            self._put_last(sentinel)
            return None

    # -- below

    def _put_first(self, sentinel: LogAddress) -> None:
        self._order = [sentinel, *(each for each in self._order if each != sentinel)]

    def _put_last(self, sentinel: LogAddress) -> None:
        self._order = [*(each for each in self._order if each != sentinel), sentinel]

    def _ask(self, sentinel: LogAddress) -> LogAddress:
        """Return where the master is, as a sentinel says.

        Raises:
            NoMasterError: it knows none of that name, or is no sentinel.
            RedisAwayError: it cannot be reached.
        """
        name = f"the sentinel {place(sentinel.host, sentinel.port)}"
        try:
            reply = self._asked(sentinel)
        except AuthenticationError as error:
            raise NoMasterError(
                f"{name} does not let us in: {error}. It has to have the password of the master, "
                "or none"
            ) from error
        except LOST as error:
            raise RedisAwayError(f"{name} cannot be reached: {error}") from error
        if isinstance(reply, ResponseError):
            raise NoMasterError(f"{place(sentinel.host, sentinel.port)} is no sentinel: {reply}")
        if reply is None:
            raise NoMasterError(f"{name} knows no master named {self._address.service!r}")
        host, port = reply
        return self._address.at(host.decode(), int(port))

    def _asked(self, sentinel: LogAddress) -> Any:
        try:
            return self._asked_with("", sentinel._replace(user=""))
        except AuthenticationError:
            if not self._password:
                raise
            return self._asked_with(self._password, sentinel)

    def _asked_with(self, password: str, sentinel: LogAddress) -> Any:
        connection = make_connection(sentinel._replace(database=0), password, SENTINEL_TIMEOUT)
        try:
            connection.connect()
            question = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._address.service)
            (reply,) = exchange(connection, [question], timeout=SENTINEL_TIMEOUT)
        finally:
            connection.disconnect()
        return reply
