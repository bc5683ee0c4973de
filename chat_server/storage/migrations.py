"""Bring a database of the data folder to the format that this server writes.

A database notes the number of its format in `PRAGMA user_version`. A format is a list of steps:
step N takes a database from format N - 1 to format N. Each step is one transaction together with
the new number. A kill between two steps leaves a valid database of the format in between, and the
next start goes on from there. An empty file goes through all of them in one transaction: nothing in
it takes time, and each commit waits for the disk.

To change a table, append a step to the format of its file, and add a dump of a folder of the format
before it to `tests/chat_server/storage/formats`. A step that was released is never edited.

`search.db` is not among them: it is derived from the history, so another format is built anew.
"""

import logging
import sqlite3
from typing import NamedTuple

log = logging.getLogger(__name__)


class Format(NamedTuple):
    """The format of one of the server's databases.

    Attributes:
        application_id: marks the file as this database, and no other.
        steps: the SQL of each step, in order.
        page_size: of a new file, in bytes. A file keeps the size that it was made with.
    """

    application_id: int
    steps: tuple[str, ...]
    page_size: int = 4096

    @property
    def version(self) -> int:
        """The number of the format that this server writes."""
        return len(self.steps)

    def check(self, application_id: int, version: int) -> None:
        """Check that a database is this one, in a format that this program knows.

        Args:
            application_id: the mark that was found in the file.
            version: the format that was found in it.

        Raises:
            sqlite3.DatabaseError: it is another database, or a later version wrote it.
        """
        if application_id != self.application_id:
            raise sqlite3.DatabaseError("it is the database of another program")
        if not 1 <= version <= self.version:
            raise sqlite3.DatabaseError(
                f"it has format {version}, and this program reads formats up to {self.version}"
            )


def migrate(connection: sqlite3.Connection, form: Format) -> None:
    """Take an empty database, or one of an earlier format, to the present format.

    Args:
        connection: to a database that is whole, without a transaction.
        form: the format of this file.

    Raises:
        sqlite3.DatabaseError: it is another database, or a later version wrote it; nothing was
            changed. Or a step failed; the steps before it are done.
    """
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables == 0:
        found = 0
        connection.execute(f"PRAGMA page_size = {form.page_size}")
        connection.execute("PRAGMA journal_mode = WAL")
    else:
        form.check(application, found)
        if found < form.version:
            log.info("a database has format %d and is taken to format %d", found, form.version)
    steps = list(enumerate(form.steps[found:], found + 1))
    if tables == 0:
        steps = [(form.version, ";\n".join(form.steps))]
    for number, step in steps:
        connection.executescript(
            f"BEGIN IMMEDIATE; {step}; PRAGMA application_id = {form.application_id};"
            f" PRAGMA user_version = {number}; COMMIT;"
        )
