"""Moves what one engine keeps to the other, and compares every message afterwards."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from chat_server.runtime.config.log_address import LogAddress
from chat_server.runtime.errors import AdminError, OutcomeUnknownError, StartError, StoreError
from chat_server.storage.data_folder import DataFolder
from chat_server.storage.interface import RoomLog
from chat_server.storage.moving.content import PORTION
from chat_server.storage.moving.redis_side import Redis
from chat_server.storage.moving.sqlite_side import (
    SqliteSource,
    has_history,
    mark_moved,
    write_history,
)
from chat_server.storage.redis.redis_log import RedisLog
from chat_server.storage.sqlite.log import SqliteLog


class Moved(NamedTuple):
    """What was moved."""

    rooms: int
    messages: int
    sessions: int


def move_to_redis(folder: Path, address: LogAddress, password: str) -> Moved:
    """Move the history of a data folder to an empty Redis. The history is left where it is.

    Args:
        folder: the data folder, which no server uses.
        address: where Redis is.
        password: of the address' user, or "".

    Raises:
        AdminError: it cannot be done; nothing of it is in Redis.
    """
    with _told(), closing(DataFolder(_existing(folder))):
        if not has_history(folder):
            raise AdminError(f"there is no history in {folder}: there is nothing to move.")
        with closing(Redis(address, password)) as redis:
            if not redis.is_empty:
                raise AdminError(
                    f"there are logs in {address} already. Choose another of its databases."
                )
            with closing(SqliteLog(folder)) as log:
                source = SqliteSource(log)

                def check() -> None:
                    with _redis_log(address, password) as written:
                        _compare(log, written)

                moved = _moved(source, redis.write(source, check))
        mark_moved(folder)
        return moved


def move_from_redis(folder: Path, address: LogAddress, password: str) -> Moved:
    """Move the logs in Redis to a data folder without a history. Redis is left as it is.

    Args:
        folder: the data folder, which no server uses; it is made if need be.
        address: where Redis is.
        password: of the address' user, or "".

    Raises:
        AdminError: it cannot be done; the folder has no history still.
    """
    with _told(), closing(DataFolder(folder)):
        if has_history(folder):
            raise AdminError(f"there is a history in {folder} already. Choose another with --data.")
        with closing(Redis(address, password)) as redis:
            if redis.is_empty:
                raise AdminError(f"there are no logs in {address}: there is nothing to move.")
            with _redis_log(address, password) as log:
                log.maintain(lambda: False)
                return _moved(redis, write_history(folder, redis, partial(_compare, log)))


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise AdminError(f"there is no data folder {folder}.")
    return folder


def _moved(source: "SqliteSource | Redis", messages: int) -> Moved:
    sessions = sum(len(portion) for portion in source.sessions())
    return Moved(len(source.rooms()), messages, sessions)


@contextmanager
def _told() -> Iterator[None]:
    """Raise AdminError in place of what parts of the block raise."""
    try:
        yield
    except (StartError, StoreError, OutcomeUnknownError) as error:
        raise AdminError(str(error)) from error


@contextmanager
def _redis_log(address: LogAddress, password: str) -> Iterator[RedisLog]:
    """The engine on Redis; its search index is of no use here."""
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(RedisLog(address, password, Path(folder))) as log,
    ):
        yield log


def _compare(one: RoomLog, other: RoomLog) -> None:
    """See that two engines have the same messages.

    Raises:
        StoreError: they have not.
    """
    rooms = {room.name: room for room in other.rooms()}
    for room in one.rooms():
        found = rooms.get(room.name)
        if room.last_seq and (found is None or found[:3] != room[:3]):
            raise StoreError(f"{room.name} was not moved as it is: {room} became {found}.")
        for log, read in ((one, other.after), (other, one.after)):
            _compare_messages(room.name, log, read)


def _compare_messages(room: str, log: RoomLog, read: Callable[[str, int, int], object]) -> None:
    seq = 0
    while messages := log.after(room, seq, PORTION):
        if read(room, seq, len(messages)) != messages:
            raise StoreError(
                f"messages {messages[0].seq} to {messages[-1].seq} of {room} were not "
                "moved as they are."
            )
        seq = messages[-1].seq
