"""A class of 30 pupils with four kinds of clients, and their teacher, on a server process.

Each pupil reads what their client gets, and keeps the entries of the room's log that are in it.
`Classroom.check_all` compares that with what the teacher got, entry by entry.
"""

import json
import socket
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.support.irc_peer import Heard, IrcPeer
from tests.support.peer import ConnectionEnded, Frame, Peer
from tests.support.ports import free_port
from tests.support.servers import ServerProcess
from tests.support.text_peer import TextPeer
from tests.support.waiting import DEADLINE, Deadline
from tests.support.web import host_of

ROOM = "lobby"
CHANNEL = f"#{ROOM}"
PASSWORD = "chalk and talk"

NATIVE, WEB, IRC, LINES = 10, 8, 6, 6
"""How many pupils have which client: 30 in all."""

CAPABILITIES = ("server-time", "message-tags", "echo-message", "batch", "draft/chathistory")
SHOWN_ON_ENTRY = 10  # messages that line mode shows to who comes in


def connected_from(source: str, address: str) -> socket.socket:
    """Connect to a server from one of this machine's own addresses."""
    host, _, port = host_of(address).rpartition(":")
    made = socket.create_connection((host, int(port)), DEADLINE, source_address=(source, 0))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


class WebSocketPeer(Peer):
    """A Peer whose frames go over WebSocket, by the library `websockets`."""

    def __init__(self, connected: socket.socket) -> None:
        super().__init__(connected)
        self._connecting = connect(
            "ws://localhost/ws",
            sock=connected,
            subprotocols=[Subprotocol("backchannel.v1")],
            compression=None,
            max_queue=None,  # it takes what comes, read or not, as a page does
        )
        self._connection: ClientConnection = self._connecting.__enter__()

    def close(self) -> None:
        """Close without a word of Backchannel's."""
        self._connection.close()

    def send(self, frame: Frame) -> None:
        """Send one frame, right or wrong."""
        try:
            self._connection.send(json.dumps(frame))
        except ConnectionClosed as closed:
            raise ConnectionEnded(f"queued: {list(self.queue)[:5]}") from closed

    def _read_frame(self, deadline: Deadline) -> Frame:
        while True:
            try:
                frame: Frame = json.loads(self._connection.recv(deadline.left))
            except ConnectionClosed as closed:
                raise ConnectionEnded(f"queued: {list(self.queue)[:5]}") from closed
            if not self._is_answered(frame):
                return frame


class Pupil(ABC):
    """Somebody in the room.

    Attributes:
        nick: theirs.
    """

    def __init__(self, nick: str) -> None:
        self.nick = nick

    @abstractmethod
    def come_in(self, address: str) -> None:
        """Connect, and enter the room: the first time, or again after a lost connection."""

    @abstractmethod
    def read_up_to(self, entry: Frame) -> None:
        """Read until a certain entry of the log is there."""

    @abstractmethod
    def check(self, log: Sequence[Frame]) -> None:
        """See that each entry of the log came once, in order."""

    @abstractmethod
    def everything(self) -> str:
        """All that the server has sent up to now, as text."""

    @abstractmethod
    def close(self) -> None:
        """Close without a word."""


class FramePupil(Pupil):
    """Who has a client that speaks the protocol, native or by WebSocket.

    Attributes:
        peer: the connection.
        entries: what came of the room's log, on all connections.
        told: the last event of each type about the room that came on this connection.
        events: all those that were looked at, on all connections.
        welcome, joined: the answers when they came in last.
    """

    peer: Peer
    welcome: Frame
    joined: Frame

    def __init__(self, nick: str, kind: type[Peer] = Peer, source: str = "127.0.0.1") -> None:
        super().__init__(nick)
        self._kind = kind
        self.source = source
        self.entries: list[Frame] = []
        self.told: dict[str, Frame] = {}
        self.events: list[Frame] = []

    def come_in(self, address: str) -> None:
        """Connect, with the session from before if there is one, and go on in the log."""
        members: dict[str, Any] = {}
        place: dict[str, Any] = {"history": 1000}
        before = getattr(self, "peer", None)
        if before is not None:
            self.collect()
            members["session"] = before.session
            place = {"after": self.entries[-1]["seq"] if self.entries else 0}
            place["log"] = self.joined["log"]
        self.peer = self.connected(address)
        self.told = {}
        if before is not None:
            self.peer.skip_ids(before.next_id() - 1)
        self.welcome = self.peer.hello(self.nick, **members)
        assert self.welcome["type"] == "welcome", self.welcome
        assert before is None or self.welcome["session"] == before.session, self.nick
        self.joined = self.peer.join(ROOM, **place)
        assert "diverged" not in self.joined, self.joined

    def connected(self, address: str) -> Peer:
        """Return a connection on which nothing was said yet."""
        return self._kind(connected_from(self.source, address))

    def read_up_to(self, entry: Frame) -> None:
        """Read until an entry is there. See Pupil."""
        self.collect()
        while not self.entries or self.entries[-1]["seq"] < entry["seq"]:
            self.entries += self.peer.messages(1, ROOM)

    def check(self, log: Sequence[Frame]) -> None:
        """See that each entry came once. See Pupil."""
        assert self.entries == list(log), (self.nick, first_difference(self.entries, log))

    def everything(self) -> str:
        """All that came. See Pupil."""
        self.look()
        return json.dumps([self.welcome, self.joined, *self.entries, *self.events])

    def close(self) -> None:
        """Close. See Pupil."""
        self.peer.close()

    def say(self, text: str, **members: Any) -> int:
        """Say something, and return its `seq`."""
        return self.peer.say(ROOM, text, **members)

    def hear(self, text: str) -> Frame:
        """Read until an entry holds a text, and return it."""
        self.collect()
        while not any(text in entry["text"] for entry in self.entries):
            self.entries += self.peer.messages(1, ROOM)
        return next(entry for entry in reversed(self.entries) if text in entry["text"])

    def look(self) -> dict[str, Frame]:
        """Read all that the server has sent up to now, and return `told`."""
        self.peer.ping()
        self.collect()
        while self.peer.queue:
            frame = self.peer.queue.popleft()
            if frame.get("room") == ROOM:
                self.told[frame["type"]] = frame
            self.events.append(frame)
        return self.told

    def collect(self) -> None:
        """Take what came already of the room's log from the queue."""
        while any(_is_entry(frame) for frame in self.peer.queue):
            self.entries += self.peer.messages(1, ROOM)


class IrcPupil(Pupil):
    """Who has an IRC client with the tags by which one knows an entry.

    Attributes:
        entries: the `seq` and the first line of what came of the room's log.
        heard: all lines that came.
        password: of the account that they log in to; "" for none.
    """

    peer: IrcPeer
    password = ""

    def __init__(self, nick: str, source: str = "127.0.0.1") -> None:
        super().__init__(nick)
        self._source = source
        self.entries: list[tuple[int, str]] = []
        self.heard: list[Heard] = []

    def come_in(self, address: str) -> None:
        """Connect, enter, and ask for what was said meanwhile."""
        self.peer = IrcPeer(connected_from(self._source, address))
        if self.password:
            self.peer.send(f"PASS :{self.nick}:{self.password}")
        self.peer.register(self.nick, *CAPABILITIES)
        self._keep(self.peer.join(CHANNEL))
        if self.entries:
            last = f"msgid={ROOM}/{self.entries[-1][0]}"
            self._keep(self.peer.ask(f"CHATHISTORY AFTER {CHANNEL} {last} 100"))
        else:
            self._keep(self.peer.ask(f"CHATHISTORY LATEST {CHANNEL} * 100"))

    def ask(self, *lines: str) -> list[Heard]:
        """Send lines; return what they are answered with, and keep the entries in it."""
        found = self.peer.ask(*lines)
        self._keep(found)
        return found

    def read_up_to(self, entry: Frame) -> None:
        """Read until an entry is there. See Pupil."""
        while not self.entries or self.entries[-1][0] < entry["seq"]:
            self._keep([self.peer.take(lambda _: True)])

    def check(self, log: Sequence[Frame]) -> None:
        """See that each entry came once, with its text. See Pupil."""
        assert [seq for seq, _ in self.entries] == [entry["seq"] for entry in log], self.nick
        for (_, line), entry in zip(self.entries, log, strict=True):
            assert entry["text"].partition("\n")[0] in line, (self.nick, line, entry)

    def everything(self) -> str:
        """All that came. See Pupil."""
        self._keep(self.peer.sync())
        return repr(self.heard)

    def close(self) -> None:
        """Close. See Pupil."""
        self.peer.close()

    def _keep(self, heard: Sequence[Heard]) -> None:
        self.heard += heard
        for each in heard:
            if each.tags.get("msgid", "").startswith(f"{ROOM}/"):
                self.entries.append((int(each.tags["msgid"].partition("/")[2]), each.text))


class LinesPupil(Pupil):
    """Who types lines. One's own words are not shown again.

    Attributes:
        lines: all that came since they came in last.
    """

    peer: TextPeer

    def __init__(self, nick: str) -> None:
        super().__init__(nick)
        self.lines: list[str] = []

    def come_in(self, address: str) -> None:
        """Connect, and see the latest messages."""
        self.peer = TextPeer(address)
        self.peer.send(self.nick)
        self.lines = []
        while "here; /help" not in "".join(self.lines[-1:]):
            self.lines.append(self.peer.line())

    def read_up_to(self, entry: Frame) -> None:
        """Read until an entry is there. See Pupil."""
        last = as_lines(entry)[-1]
        while last not in self.lines[-1:]:
            self.lines.append(self.peer.line())

    def check(self, log: Sequence[Frame]) -> None:
        """See that each line of each entry of others came once. See Pupil.

        Args:
            log: what came since they came in, ten messages from before with it.
        """
        wanted = [line for each in log if each["from"] != self.nick for line in as_lines(each)]
        shown = [line for line in self.lines if line in set(wanted)]
        assert shown == wanted, (self.nick, first_difference(shown, wanted))

    def everything(self) -> str:
        """All that came. See Pupil."""
        self.peer.send("/help")
        while not self.lines[-1].startswith("/quit"):
            self.lines.append(self.peer.line())
        return "\n".join(self.lines)

    def close(self) -> None:
        """Close. See Pupil."""
        self.peer.socket.close()


def as_lines(entry: Frame) -> list[str]:
    """An entry as docs/lines.md says that line mode shows it."""
    who = f"@{entry['from']}" if "role" in entry else entry["from"]
    lines = entry["text"].split("\n")
    match entry["kind"]:
        case "topic":
            return [f"* {who} set the topic: {entry['text']}"]
        case "notice" | "poll":
            return [f"-- {line}" for line in lines]
        case "action":
            return [f"* {who} {entry['text']}"]
        case "delete":
            return [f"* {entry['from']} {line}" for line in lines]
        case "edit":
            return [f"* {entry['from']} edited message {entry['changes']}: {x}" for x in lines]
    if entry.get("edited"):
        lines[-1] += " (edited)"
    if "reply_to" in entry:
        who += f", to message {entry['reply_to']}"
    return [f"{who}: {line}" for line in lines]


def first_difference(found: Sequence[Any], wanted: Sequence[Any]) -> tuple[Any, Any]:
    """The first item of each of two sequences in which they differ."""
    for one, other in zip(found, wanted, strict=False):
        if one != other:
            return one, other
    count = min(len(found), len(wanted))
    return list(found[count : count + 1]), list(wanted[count : count + 1])


def _is_entry(frame: Frame) -> bool:
    return frame.get("type") == "message" and frame.get("room") == ROOM


class Classroom:
    """The server, the teacher, and the pupils.

    Attributes:
        server: the process; another one after each death.
        teacher: an owner, by the secret, with an account.
        native, web, irc, lines: the pupils with each kind of client.
        strangers: others who came, to be closed in the end.
    """

    def __init__(self, data: Path, *options: str) -> None:
        """
        Args:
            data: the folder of the server.
            options: of the server besides.
        """
        where = ("--host", "127.0.0.1", "--port", str(free_port()), "--data", str(data))
        self.data = data
        self.server = ServerProcess(*where, "--no-announce", *options)
        self.teacher = FramePupil("teacher")
        self.native = [FramePupil(f"native{n}") for n in range(NATIVE)]
        self.web = [FramePupil(f"web{n}", WebSocketPeer) for n in range(WEB)]
        self.irc = [IrcPupil(f"irc{n}") for n in range(IRC)]
        self.lines = [LinesPupil(f"lines{n}") for n in range(LINES)]
        self.strangers: list[Pupil] = []
        self._lines_from = 0  # place in the log from which line mode was shown

    def __enter__(self) -> Self:
        try:
            self.server.wait_until_listening()
            self.teacher.come_in(self.server.address)
            self.teacher.peer.ok("claim", secret=self.server.secret)
            self.teacher.peer.ok("register", password=PASSWORD)
            for pupil in self.pupils:
                pupil.come_in(self.server.address)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections, and end the server."""
        for each in [self.teacher, *self.pupils, *self.strangers]:
            if hasattr(each, "peer"):
                each.close()
        self.server.close()

    @property
    def pupils(self) -> list[Pupil]:
        """All 30, whatever they use."""
        return [*self.native, *self.web, *self.irc, *self.lines]

    @property
    def framed(self) -> list[FramePupil]:
        """Those whose clients speak the protocol and have sessions."""
        return [*self.native, *self.web]

    @property
    def log(self) -> list[Frame]:
        """The room's log as the teacher got it."""
        return self.teacher.entries

    def check_all(self, words: str) -> None:
        """Let the teacher say something, and see that all have got all up to there.

        Args:
            words: what nobody has said before.
        """
        seq = self.teacher.say(words)
        self.teacher.read_up_to({"seq": seq})
        assert [entry["seq"] for entry in self.log] == list(range(1, seq + 1))
        for pupil in self.pupils:
            pupil.read_up_to(self.log[-1])
            pupil.check(self.log[self._lines_from :] if pupil in self.lines else self.log)

    def die(self) -> None:
        """Kill the server, as a power cut does, and start it again; nobody comes back yet."""
        self.server.kill()
        self.server = self.server.restarted()

    def come_back(self) -> None:
        """Let everybody come in again, the last first; nobody says anything meanwhile."""
        for pupil in [*reversed(self.pupils), self.teacher]:
            pupil.close()
            pupil.come_in(self.server.address)
        self._lines_from = max(0, self.teacher.joined["seq"] - SHOWN_ON_ENTRY)

    def history(self) -> list[Frame]:
        """The log as it is now, with the changes in it."""
        page = self.teacher.peer.page("history", room=ROOM, limit=1000)
        assert not page["more"]
        found: list[Frame] = page["messages"]
        return found

    def newcomer(self, nick: str, kind: type[Peer] = Peer, source: str = "127.0.0.1") -> FramePupil:
        """Let somebody come in who was not there before."""
        pupil = FramePupil(nick, kind, source)
        self.strangers.append(pupil)
        pupil.come_in(self.server.address)
        return pupil


@contextmanager
def classroom(data: Path, *options: str) -> Iterator[Classroom]:
    """A class, for as long as a test lasts. See Classroom."""
    with Classroom(data, *options) as made:
        yield made
