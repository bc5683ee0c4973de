"""The store of people: accounts, roles, sanctions, rules of rooms and the audit log in one file.

It is apart from the history, as it is small, seldom written and precious: an operator may give the
history away and keep this. Whoever uses it reads all that is needed at the start, and holds it in
memory; so a ban is looked up without waiting for a disk.

What somebody with a role does is written together with its line in the audit log, in one
transaction: there is no act without the line, nor a line without the act. A commit waits for the
disk, always, as an operator who banned somebody counts on it; those who write at the same time
share one.

The module is long, as it has the tables of all that is kept of people, in the order of their steps.
"""

import json
import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from chat_server.identity.roles import Role
from chat_server.identity.store.class_store import ClassStore
from chat_server.identity.store.late_store import LateStore
from chat_server.identity.store.records import (
    Account,
    Act,
    Asked,
    KeptHand,
    KeptKick,
    KeptPin,
    Membership,
    Sanction,
    StoredPolicy,
)
from chat_server.identity.store.replica import Replica
from chat_server.identity.store.shared_calls import Owner, shared
from chat_server.runtime.errors import StartError, StoreError
from chat_server.storage.database import Readers, closed_on_failure, open_database, unusable
from chat_server.storage.migrations import Format
from chat_server.storage.shared_commit import SharedCommits
from chat_server.storage.shared_writes import SharedWrites

log = logging.getLogger("audit")

FILE = "people.db"

Result = TypeVar("Result")

TOUCH_INTERVAL = 3600.0
"""Seconds within which it is told other servers once that a session was taken up."""

READERS = 2
"""Connections that read. A look takes some microseconds."""

_SCHEMA = """
CREATE TABLE accounts (
    number INTEGER PRIMARY KEY AUTOINCREMENT, -- never another's, whatever still names it
    name TEXT NOT NULL, -- the nick as it is shown
    key TEXT NOT NULL UNIQUE, -- what nicks are compared by
    hash TEXT NOT NULL, -- of the password, argon2id, with its salt and parameters
    role TEXT NOT NULL,
    made REAL NOT NULL
) STRICT;
CREATE TABLE sessions (
    token BLOB PRIMARY KEY, -- a SHA-256, as in the history
    account INTEGER REFERENCES accounts, -- that it is logged in to
    role TEXT NOT NULL, -- its own, whatever the account's is
    seen REAL NOT NULL -- when it was last taken up
) STRICT, WITHOUT ROWID;
CREATE TABLE sanctions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    act TEXT NOT NULL, -- ban or mute
    who TEXT NOT NULL, -- as it was asked for, to be shown
    key TEXT, -- whom it concerns: whoever has any of these
    account INTEGER,
    token BLOB,
    network TEXT,
    until REAL, -- without, it has no end
    reason TEXT NOT NULL,
    by TEXT NOT NULL,
    time REAL NOT NULL
) STRICT;
CREATE TABLE rules (
    room TEXT PRIMARY KEY, -- '' for all rooms
    slow REAL NOT NULL,
    locked INTEGER NOT NULL,
    frozen INTEGER NOT NULL,
    frozen_until REAL, -- without, it has no end
    frozen_by TEXT NOT NULL,
    speakers TEXT NOT NULL, -- a JSON array of those who may speak on: see room_rules.py's Who
    frozen_at REAL NOT NULL,
    locked_by TEXT NOT NULL,
    insiders TEXT NOT NULL -- a JSON array of those who may come back into a locked room
) STRICT, WITHOUT ROWID;
CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    hash BLOB NOT NULL -- a SHA-256: they are random, so that cannot be guessed back
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    time REAL NOT NULL,
    who TEXT NOT NULL,
    act TEXT NOT NULL,
    whom TEXT NOT NULL,
    until REAL,
    reason TEXT NOT NULL
) STRICT;
"""
"""A released step is never edited, nor are its comments: `room_rules.py's Who` is PersonKey in
rooms/policy.py today, and the rules of a room are its policy.
"""

_ADDED = """
CREATE TABLE IF NOT EXISTS done (
    token BLOB NOT NULL, -- of the session, a SHA-256, whose request an act was
    request INTEGER NOT NULL, -- its id
    time REAL NOT NULL,
    PRIMARY KEY (token, request)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hands (
    number INTEGER PRIMARY KEY AUTOINCREMENT, -- the order in which they were raised
    room TEXT NOT NULL,
    who TEXT NOT NULL, -- see room_rules.py's Who
    token BLOB NOT NULL, -- of the session that raised it, a SHA-256
    nick TEXT NOT NULL, -- at that moment
    time REAL NOT NULL
) STRICT;
"""
"""Some files of format 1 have these tables already."""

_LATE = """
CREATE TABLE late ( -- direct messages for people who are away
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    recipient TEXT NOT NULL, -- see PersonKey in rooms/policy.py
    sender TEXT NOT NULL, -- the same
    nick TEXT NOT NULL, -- the sender's, when it was sent
    text TEXT NOT NULL,
    bot INTEGER NOT NULL,
    time REAL NOT NULL,
    until REAL NOT NULL -- then it is deleted
) STRICT;
CREATE TABLE late_refused ( -- people who want none kept
    who TEXT PRIMARY KEY, -- see PersonKey in rooms/policy.py
    time REAL NOT NULL
) STRICT, WITHOUT ROWID;
"""
_PINS = """
CREATE TABLE pins (
    room TEXT NOT NULL,
    seq INTEGER NOT NULL, -- of the message, in the room's log
    by TEXT NOT NULL, -- the moderator's nick
    time REAL NOT NULL,
    PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;
"""
_CLASS = """
CREATE TABLE pupils ( -- the class lists
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    class TEXT NOT NULL, -- what the list is called
    name TEXT NOT NULL, -- the person's
    nick TEXT NOT NULL, -- the name of the account that was made for them
    account INTEGER NOT NULL -- its number; it may be gone
) STRICT;
"""
_ROOM_RULES = """
ALTER TABLE rules ADD COLUMN topic TEXT NOT NULL DEFAULT ''; -- who sets it; '' is the default
ALTER TABLE rules ADD COLUMN read_only INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rules ADD COLUMN invite_by TEXT NOT NULL DEFAULT ''; -- '' if everybody comes in
ALTER TABLE rules ADD COLUMN guests TEXT NOT NULL DEFAULT '[]'; -- JSON: [[PersonKey, shown], ...]
ALTER TABLE rules ADD COLUMN forget INTEGER NOT NULL DEFAULT 0;
"""
_QUESTIONS = """
ALTER TABLE hands ADD COLUMN question TEXT NOT NULL DEFAULT '';
ALTER TABLE hands ADD COLUMN floor INTEGER NOT NULL DEFAULT 0; -- has the floor, and waits no more
"""
_POLLS = """
CREATE TABLE polls ( -- that are open, or whose result may not be in the log yet
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    room TEXT NOT NULL,
    who TEXT NOT NULL, -- who asked: see PersonKey in rooms/policy.py
    token BLOB NOT NULL, -- of their session, a SHA-256
    nick TEXT NOT NULL, -- at that moment
    time REAL NOT NULL,
    question TEXT NOT NULL,
    options TEXT NOT NULL, -- a JSON array
    named INTEGER NOT NULL,
    result TEXT, -- the message that says it, as JSON, once it is over
    session INTEGER, -- whose request ended it: the number of the log's session
    request INTEGER, -- its id
    ended REAL NOT NULL -- when
) STRICT;
CREATE TABLE votes ( -- in open polls
    poll INTEGER NOT NULL REFERENCES polls,
    who TEXT NOT NULL,
    token BLOB NOT NULL,
    nick TEXT NOT NULL, -- '' unless the poll is named
    choice INTEGER NOT NULL,
    PRIMARY KEY (poll, token)
) STRICT, WITHOUT ROWID;
"""
_IMAGES = """
ALTER TABLE rules ADD COLUMN images INTEGER NOT NULL DEFAULT 0; -- clients may show images
"""
_SHARED = """
CREATE TABLE shared ( -- in the copy of one of several servers: see replica.py
    one INTEGER PRIMARY KEY CHECK (one = 0),
    history TEXT NOT NULL, -- where the copy is in the order of writes, as the next two
    number INTEGER NOT NULL,
    tip TEXT NOT NULL
) STRICT;
"""
FORMAT = Format(
    application_id=0x42414350,
    steps=(
        _SCHEMA,
        _ADDED,
        _LATE,
        _PINS,
        _CLASS,
        _ROOM_RULES,
        _QUESTIONS,
        _POLLS,
        _IMAGES,
        _SHARED,
    ),
)

_NOTE = "INSERT INTO audit VALUES (NULL, ?, ?, ?, ?, ?, ?)"
_POLICY_COLUMNS = ", ".join(StoredPolicy._fields)


class PeopleStore:
    """The open database. Any thread may call any method; each raises StoreError if it fails.

    A method that writes has done nothing then.

    Attributes:
        replica: where several servers share what they know of people, this copy of it.
    """

    def __init__(self, folder: Path) -> None:
        """Open the database in `folder`, or make it.

        Raises:
            StartError: it cannot be opened, is damaged, or is none of ours.
        """
        path = folder / FILE
        try:
            writer = open_database(path, FORMAT, "full")
            with closed_on_failure(writer):
                readers = Readers.open(path, "full", READERS)
        except (sqlite3.Error, OSError) as error:
            raise StartError(unusable("what is known of people", path, error)) from error
        self._commits = SharedCommits(writer, readers, path)
        self.replica: Replica | None = None

    def share(self, writes: SharedWrites, *owners: Owner) -> None:
        """Have what all servers on one engine have, and make the same writes as they from now on.

        Args:
            writes: the order of them.
            owners: of the methods that write to this file, besides the stores here.

        Raises:
            StartError: this file has people of its own.
            StoreError: it cannot be done just now.
        """
        replica = Replica(self._commits, writes, FORMAT.version, _log_acts)
        replica.own(self)
        replica.own(ClassStore(self._commits, replica))
        replica.own(LateStore(self._commits, replica))
        for owner in owners:
            replica.own(owner)
        replica.join()
        self.replica = replica

    def keep_alone(self) -> None:
        """Share nothing: what this file has is its own from now on."""
        if self.is_copy:
            with self._commits.writing() as writer:
                writer.execute("DELETE FROM shared")

    @property
    def is_copy(self) -> bool:
        """Whether this is the copy of one of several servers."""
        return bool(self._read("SELECT 1 FROM shared"))

    def decided(self, decide: Callable[[], Result]) -> Result:
        """Decide upon what is kept, write it, and return what `decide` returns.

        Where several servers share it, `decide` is called again if another was faster: it has done
        nothing before its first write. It is called with no lock held that is taken to let writes
        hold; it takes those itself.
        """
        return decide() if self.replica is None else self.replica.decided(decide)

    @property
    def is_shared(self) -> bool:
        """Whether several servers have what is kept here."""
        return self.replica is not None

    def soon(self, write: Callable[[], None]) -> None:
        """Write something that nobody waits for; where several servers share it, on a thread that
        tries until it can be written.
        """
        if self.replica is not None:
            self.replica.soon(write)
            return
        try:
            write()
        except StoreError as error:
            logging.getLogger(__name__).error("something is not kept: %s", error)

    def catch_up(self) -> None:
        """Have what other servers have written until now."""
        if self.replica is not None:
            self.replica.catch_up()

    def settle(self) -> None:
        """Wait until what was written holds on all servers."""
        if self.replica is not None:
            self.replica.settle()

    def close(self) -> None:
        """Close the file, once nobody uses it."""
        self._commits.close()

    @property
    def commits(self) -> SharedCommits:
        """The use of the database, for a module that has queries of its own."""
        return self._commits

    def writing(self, act: Act | None = None) -> AbstractContextManager[sqlite3.Connection]:
        """Let such a module write, with its line in the audit log."""
        return self._writing(act)

    # -- accounts

    def accounts(self) -> list[Account]:
        """Return all accounts."""
        rows = self._read("SELECT number, name, key, hash, role FROM accounts")
        return [
            Account(number, name, key, password_hash, Role.of(role))
            for number, name, key, password_hash, role in rows
        ]

    @shared
    def add_account(self, account: Account, token: bytes, act: Act) -> int:
        """Keep a new account, whose number is not looked at, and log a session in to it.

        Args:
            account: its role is the session's so far.
            token: the hash of the session's secret.
            act: who made it, and when.

        Returns: the account's number.
        """
        with self._writing(act) as writer:
            number = _inserted(
                writer.execute(
                    "INSERT INTO accounts (name, key, hash, role, made) VALUES (?, ?, ?, ?, ?)",
                    (account.name, account.key, account.hash, account.role.word, act.time),
                )
            )
            _log_in(writer, token, number, act.time)
            return number

    @shared
    def set_account_role(self, number: int, role: Role, act: Act) -> None:
        """Keep an account's role."""
        with self._writing(act) as writer:
            writer.execute("UPDATE accounts SET role = ? WHERE number = ?", (role.word, number))

    @shared
    def set_account_hash(self, number: int, password_hash: str) -> None:
        """Keep another hash of an account's password."""
        with self._writing() as writer:
            writer.execute("UPDATE accounts SET hash = ? WHERE number = ?", (password_hash, number))

    @shared
    def change_password(self, number: int, password_hash: str, token: bytes, act: Act) -> None:
        """Keep the hash of another password, and of the account's sessions none but one.

        Args:
            number: the account's.
            password_hash: in place of the one before.
            token: the hash of the secret of the session that stays logged in.
            act: who changed it, and when.
        """
        with self._writing(act) as writer:
            writer.execute("UPDATE accounts SET hash = ? WHERE number = ?", (password_hash, number))
            writer.execute("DELETE FROM sessions WHERE account = ? AND token <> ?", (number, token))

    @shared
    def remove_account(self, number: int, act: Act) -> None:
        """Forget an account, what is kept of its sessions, and the bans and mutes of it alone.

        Those of a nick stay: they mean the nick and the session, too.
        """
        with self._writing(act) as writer:
            writer.execute("DELETE FROM sessions WHERE account = ?", (number,))
            writer.execute("DELETE FROM sanctions WHERE account = ? AND key IS NULL", (number,))
            writer.execute("DELETE FROM accounts WHERE number = ?", (number,))

    # -- sessions

    def membership(self, token: bytes) -> Membership | None:
        """Return what is kept of the session whose secret has this hash."""
        rows = self._read("SELECT account, role FROM sessions WHERE token = ?", token)
        return Membership(rows[0][0], Role.of(rows[0][1])) if rows else None

    @shared
    def log_in(self, token: bytes, account: int, now: float) -> None:
        """Keep that a session is logged in to an account, if there is that account still."""
        with self._writing() as writer:
            _log_in(writer, token, account, now)

    @shared
    def log_out(self, token: bytes) -> None:
        """Forget all that is kept of a session here: that it is logged in, and its own role."""
        with self._writing() as writer:
            writer.execute("DELETE FROM sessions WHERE token = ?", (token,))

    @shared
    def set_session_role(self, token: bytes, role: Role, act: Act) -> None:
        """Keep a session's own role."""
        with self._writing(act) as writer:
            writer.execute(
                "INSERT INTO sessions VALUES (?, NULL, ?, ?)"
                " ON CONFLICT (token) DO UPDATE SET role = excluded.role",
                (token, role.word, act.time),
            )

    def touch_session(self, token: bytes, now: float) -> None:
        """Note that a session was taken up, if anything is kept of it; `now` in Unix seconds.

        Where several servers share it, that is noted once an hour.
        """
        query = "SELECT 1 FROM sessions WHERE token = ? AND seen > ?"
        if self.replica is None or not self._read(query, token, now - TOUCH_INTERVAL):
            self.see_session(token, now)

    @shared
    def see_session(self, token: bytes, now: float) -> None:
        """Note the same at once."""
        with self._writing() as writer:
            writer.execute("UPDATE sessions SET seen = max(seen, ?) WHERE token = ?", (now, token))

    @shared
    def forget_sessions(self, seen_before: float) -> None:
        """Forget the sessions that nobody has taken up since a time, in Unix seconds.

        What was asked for before that is forgotten as well.
        """
        with self._writing() as writer:
            writer.execute("DELETE FROM sessions WHERE seen < ?", (seen_before,))
            writer.execute("DELETE FROM done WHERE time < ?", (seen_before,))

    # -- bans and mutes

    def sanctions(self) -> list[Sanction]:
        """Return all bans and mutes, in the order of their numbers."""
        rows = self._read("SELECT * FROM sanctions ORDER BY number")
        return [Sanction(*row) for row in rows]

    @shared
    def add_sanction(self, sanction: Sanction, act: Act) -> Sanction:
        """Keep a ban or a mute, and return it with its number."""
        with self._writing(act) as writer:
            cursor = writer.execute(
                "INSERT INTO sanctions VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", sanction[1:]
            )
            return sanction._replace(number=_inserted(cursor))

    @shared
    def remove_sanctions(self, numbers: Sequence[int], act: Act | None = None) -> None:
        """Forget bans and mutes; without `act` those that ended by themselves."""
        with self._writing(act) as writer:
            writer.executemany(
                "DELETE FROM sanctions WHERE number = ?", [(number,) for number in numbers]
            )

    # -- rooms

    def policies(self) -> list[StoredPolicy]:
        """Return the rules of every room that has any."""
        rows = self._read(f"SELECT {_POLICY_COLUMNS} FROM rules")
        return [_stored_policy(StoredPolicy(*row)) for row in rows]

    @shared
    def put_policy(self, policy: StoredPolicy, act: Act | None = None) -> None:
        """Keep the rules of a room, in place of those it had."""
        with self._writing(act) as writer:
            if policy == StoredPolicy(policy.room):
                writer.execute("DELETE FROM rules WHERE room = ?", (policy.room,))
                return
            writer.execute(
                f"INSERT OR REPLACE INTO rules ({_POLICY_COLUMNS})"
                f" VALUES ({', '.join('?' * len(policy))})",
                [json.dumps(each) if isinstance(each, tuple) else each for each in policy],
            )

    # -- hands

    def hands(self) -> list[KeptHand]:
        """Return the hands that are up, in the order in which they were raised."""
        rows = self._read("SELECT * FROM hands ORDER BY number")
        return [KeptHand(*row)._replace(floor=bool(row[-1])) for row in rows]

    @shared
    def add_hand(self, hand: KeptHand, instead_of: Sequence[int] = ()) -> int:
        """Keep a hand that was raised, in place of others, and return its number."""
        with self._writing() as writer:
            _remove_hands(writer, instead_of)
            return _inserted(
                writer.execute("INSERT INTO hands VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", hand[1:])
            )

    @shared
    def change_question(self, number: int, question: str) -> None:
        """Keep another question of a hand that is up."""
        with self._writing() as writer:
            writer.execute("UPDATE hands SET question = ? WHERE number = ?", (question, number))

    @shared
    def move_floor(self, taken: Sequence[int], given: int | None, question: str, act: Act) -> None:
        """Keep that hands have the floor no more, and are down, and that another has it.

        Args:
            taken: the numbers of those that had it.
            given: of the one that has it now; None if there is none.
            question: that one's.
            act: who did it, and when.
        """
        with self._writing(act) as writer:
            _remove_hands(writer, taken)
            writer.execute(
                "UPDATE hands SET floor = 1, question = ? WHERE number = ?", (question, given)
            )

    @shared
    def remove_hands(self, numbers: Sequence[int]) -> None:
        """Forget hands that are down."""
        with self._writing() as writer:
            _remove_hands(writer, numbers)

    @shared
    def call_hands(self, token: bytes, nick: str) -> None:
        """Keep another nick of the session that raised hands."""
        with self._writing() as writer:
            writer.execute("UPDATE hands SET nick = ? WHERE token = ?", (nick, token))

    @shared
    def rename_hands(self, numbers: Sequence[int], who: str) -> None:
        """Keep that somebody whose hands are up has another name in rules."""
        with self._writing() as writer:
            writer.executemany(
                "UPDATE hands SET who = ? WHERE number = ?", [(who, number) for number in numbers]
            )

    # -- pins

    def pins(self) -> list[KeptPin]:
        """Return what stands at the top of each room, ascending."""
        return [KeptPin(*row) for row in self._read("SELECT * FROM pins ORDER BY room, seq")]

    @shared
    def add_pin(self, pin: KeptPin, act: Act) -> None:
        """Keep that a message stands at the top of its room."""
        with self._writing(act) as writer:
            writer.execute("INSERT OR REPLACE INTO pins VALUES (?, ?, ?, ?)", pin)

    @shared
    def remove_pins(self, room: str, seqs: Sequence[int], act: Act | None = None) -> None:
        """Forget that messages stand at the top of a room; without `act` those that are gone."""
        with self._writing(act) as writer:
            writer.executemany(
                "DELETE FROM pins WHERE room = ? AND seq = ?", [(room, seq) for seq in seqs]
            )

    # -- secrets

    def secret(self, name: str) -> bytes | None:
        """Return the hash that is kept of a secret."""
        rows = self._read("SELECT hash FROM secrets WHERE name = ?", name)
        return rows[0][0] if rows else None

    @shared
    def put_secret(self, name: str, secret_hash: bytes, act: Act | None = None) -> None:
        """Keep the hash of a secret, in place of the one before."""
        with self._writing(act) as writer:
            writer.execute("INSERT OR REPLACE INTO secrets VALUES (?, ?)", (name, secret_hash))

    @shared
    def drop_secret(self, name: str) -> None:
        """Keep nothing of a secret, if anything was kept."""
        with self._writing() as writer:
            writer.execute("DELETE FROM secrets WHERE name = ?", (name,))

    # -- the audit log

    @shared
    def note(self, act: Act) -> None:
        """Write a line of the audit log for what is kept nowhere else: a kick, an announcement."""
        with self._writing(act):
            pass

    @shared
    def note_kick(self, kick: KeptKick, act: Act) -> None:  # noqa: ARG002
        """Write the line of the audit log for a kick, which all servers are to do."""
        with self._writing(act):
            pass

    @shared
    def note_once(self, act: Act) -> None:
        """Write the line of an act that a request asked for, unless it is there."""
        assert act.asked is not None, "a request asks for it"
        with self._commits.writing() as writer:
            is_new = _note_done(writer, act.asked, act.time)
            if is_new:
                writer.execute(_NOTE, act[:6])
        if is_new and not self._commits.is_writing:
            _log(act)

    def acts(self, after: int = 0, limit: int = 1000) -> list[tuple[int, Act]]:
        """Return the next up to `limit` lines behind number `after`, each with its number."""
        rows = self._read(
            "SELECT * FROM audit WHERE number > ? ORDER BY number LIMIT ?", after, limit
        )
        return [(number, Act(*rest)) for number, *rest in rows]

    def was_done(self, asked: Asked) -> bool:
        """Return whether an act was done that a request asked for."""
        return bool(self._read("SELECT 1 FROM done WHERE token = ? AND request = ?", *asked))

    # -- below

    def _read(self, query: str, *parameters: object) -> list[Any]:
        with self._commits.reading() as connection:
            return connection.execute(query, parameters).fetchall()

    @contextmanager
    def _writing(self, act: Act | None = None) -> Iterator[sqlite3.Connection]:
        """Write something, together with its line in the audit log, which is also logged."""
        with self._commits.writing() as writer:
            if act is not None:
                writer.execute(_NOTE, act[:6])
            if act is not None and act.asked is not None:
                _note_done(writer, act.asked, act.time)
            yield writer
        if act is not None and not self._commits.is_writing:  # else it is logged once it is kept
            _log(act)


def _log_acts(arguments: Sequence[Any]) -> None:
    """Log the acts among the arguments of a write that is kept."""
    for argument in arguments:
        if isinstance(argument, Act):
            _log(argument)


def _note_done(writer: sqlite3.Connection, asked: Asked, now: float) -> bool:
    """Keep that what a request asked for was done. Return whether that is new."""
    cursor = writer.execute("INSERT OR IGNORE INTO done VALUES (?, ?, ?)", (*asked, now))
    return cursor.rowcount == 1


def _log(act: Act) -> None:
    shown = {name: value for name, value in act._asdict().items() if name != "asked"}
    log.info("%s", _line(act), extra=shown)


def _line(act: Act) -> str:
    """What an act is in the log."""
    parts = ["audit:", act.who, act.act, act.whom]
    if act.until is not None:
        parts.append(f"for {max(0.0, act.until - act.time):.0f} s")
    if act.reason:
        parts.append(f"({act.reason})")
    return " ".join(part for part in parts if part)


def _stored_policy(row: StoredPolicy) -> StoredPolicy:
    """The rules of a room as they are, from its row: SQLite has neither truth nor lists."""
    return row._replace(
        locked=bool(row.locked),
        frozen=bool(row.frozen),
        speakers=_tuple(row.speakers),
        insiders=_tuple(row.insiders),
        read_only=bool(row.read_only),
        guests=tuple((key, shown) for key, shown in _tuple(row.guests)),
        forget=bool(row.forget),
        images=bool(row.images),
    )


def _tuple(array: Any) -> tuple[Any, ...]:
    return tuple(json.loads(array))


def _log_in(writer: sqlite3.Connection, token: bytes, account: int, now: float) -> None:
    writer.execute(
        "INSERT INTO sessions SELECT ?, number, 'member', ? FROM accounts WHERE number = ?"
        " ON CONFLICT (token) DO UPDATE SET account = excluded.account, seen = excluded.seen",
        (token, now, account),
    )


def _remove_hands(writer: sqlite3.Connection, numbers: Iterable[int]) -> None:
    writer.executemany("DELETE FROM hands WHERE number = ?", [(number,) for number in numbers])


def _inserted(cursor: sqlite3.Cursor) -> int:
    assert cursor.lastrowid is not None
    return cursor.lastrowid
