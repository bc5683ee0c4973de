"""The lines of the torture's IRC client, and what it takes for a message of a log."""

import socket

import pytest

from protocol.errors import ProtocolError
from tests.support.waiting import eventually
from tests.torture.irc_visit import IrcRoom, IrcVisit
from tests.torture.irc_wire import IrcLine, IrcWire, read
from tests.torture.journal import Journal
from tests.torture.records import Glimpse, Source, Utterance


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("PING :abc def", IrcLine({}, "", "PING", ["abc def"])),
        (":s 001 ana :Welcome", IrcLine({}, "s", "001", ["ana", "Welcome"])),
        (
            r"@msgid=one/5;a=x\:\s\\;b :ana!ana@h PRIVMSG #one ::) hi",
            IrcLine(
                {"msgid": "one/5", "a": r"x; \ ".rstrip(" "), "b": ""},
                "ana",
                "PRIVMSG",
                ["#one", ":) hi"],
            ),
        ),
        (":ana!a@h PRIVMSG #one : ", IrcLine({}, "ana", "PRIVMSG", ["#one", " "])),
    ],
)
def test_a_line(line: str, found: IrcLine) -> None:
    """Tags with their escapes, the nick alone, and a last parameter with spaces."""
    assert read(line.encode()) == found


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"x" * 511, "too long"),
        (b"@" + b"t" * 9000 + b" PING :x", "too long"),
        (b"PRIVMSG #one :a\rb", "control character"),
        (b"PRIVMSG #one :\xff", "not UTF-8"),
        (b":ana ", "without a command"),
    ],
)
def test_a_line_that_no_server_may_send(line: bytes, says: str) -> None:
    """RFC 1459, and message tags."""
    with pytest.raises(ProtocolError, match=says):
        read(line)


class Server:
    """The other end of an IRC connection, which says what a test tells it to."""

    def __init__(self) -> None:
        ours, self._theirs = socket.socketpair()
        self._theirs.setblocking(False)
        self.rooms = {"one": IrcRoom()}
        self.journal = Journal()
        self.visit = IrcVisit(IrcWire(ours), 1, "irc-1", self.rooms, self.journal)
        self._heard = ""

    def say(self, *lines: str) -> None:
        """Send lines, and let the client read them."""
        self._theirs.sendall("".join(f"{line}\r\n" for line in lines).encode())
        eventually(self._hear)

    def _hear(self) -> bool:
        self.visit.hear()
        return True

    def heard(self) -> list[str]:
        """What the client has said since the last call."""
        self.visit.wire.flush()
        try:
            return self._theirs.recv(1 << 16).decode().split("\r\n")[:-1]
        except BlockingIOError:
            return []

    def close(self) -> None:
        self.visit.end()
        self._theirs.close()


def message(seq: int, text: str, more: str = "") -> str:
    return f"@msgid=one/{seq}{more} :ana!ana@x PRIVMSG #one :{text}"


def test_what_was_missed_is_asked_for_page_by_page() -> None:
    """From the last message that is known up to the first that is live, and no further."""
    server = Server()
    server.rooms["one"].seq = 3
    server.say(":s 001 irc-1 :Welcome")
    assert server.heard()[-1] == "JOIN #one"
    server.say(":s 366 irc-1 #one :End")
    assert server.heard() == ["@label=l1 CHATHISTORY LATEST #one * 1"]
    server.say(message(7, "live"))
    server.say("@label=l1 :s BATCH +b chathistory #one", message(6, "x", ";batch=b"), "BATCH -b")
    assert server.heard() == ["@label=l2 CHATHISTORY AFTER #one msgid=one/3 100"]
    assert not server.visit.has_caught_up()
    page = [message(seq, f"missed {seq}", ";batch=c") for seq in (4, 5, 6)]
    server.say("@label=l2 :s BATCH +c chathistory #one", *page, "BATCH -c")
    assert server.visit.has_caught_up()
    assert server.rooms["one"].seq == 7
    assert server.heard() == []
    live, missed = server.journal.sightings
    assert (live.source, live.after, [line.seq for line in live.lines]) == (Source.LIVE, None, [7])
    assert (missed.source, missed.after, missed.cut) == (Source.PAGE, 3, False)
    assert [line.seq for line in missed.lines] == [4, 5, 6]
    server.close()


def test_an_echo_names_where_a_text_is_stored() -> None:
    """A refusal says that it is not. An action and a topic are seen as what they are."""
    server = Server()
    server.say(":s 001 irc-1 :Welcome", ":s 366 irc-1 #one :End")
    server.heard()
    server.say("@label=l1 :s BATCH +b chathistory #one", "BATCH -b")
    said = [Utterance("irc", "irc-1", "one", kind, f"x {kind}") for kind in ("action", "text")]
    for each in said:
        server.visit.say(each)
    assert server.heard()[0] == "@label=l2 PRIVMSG #one :\x01ACTION x action\x01"
    server.say(
        "@label=l2;msgid=one/1 :irc-1!i@x PRIVMSG #one :\x01ACTION x action\x01",
        "@label=l3 FAIL PRIVMSG RATE_LIMITED :Wait.",
        "@msgid=one/2 :ana!ana@x TOPIC #one :new topic",
        ":s NOTICE irc-1 :no message of a room",
    )
    assert [(each.seq, each.refused) for each in said] == [(1, False), (None, True)]
    assert not server.visit.waiting
    assert server.journal.sightings[0].lines == [
        Glimpse(1, "irc-1", "action", "xaction"),
        Glimpse(2, "ana", "topic", "newtopic"),
    ]
    assert server.rooms["one"].seq == 2
    server.close()


def test_a_message_of_several_lines_is_one() -> None:
    """The first line has the msgid, live and on a page; a topic and a notice are no part of it."""
    server = Server()
    server.rooms["one"].seq = 3
    server.say(":s 001 irc-1 :Welcome", ":s 366 irc-1 #one :End")
    more = ":ana!ana@x PRIVMSG #one :and more"
    server.say(message(6, "live"), more, ":s NOTICE irc-1 :not of the room")
    server.say("@label=l1 :s BATCH +b chathistory #one", message(5, "x", ";batch=b"), "BATCH -b")
    page = [message(4, "missed", ";batch=c"), f"@batch=c {more}", message(5, "x", ";batch=c")]
    server.say("@label=l2 :s BATCH +c chathistory #one", *page, "BATCH -c")
    live, missed = server.journal.sightings
    assert live.lines == [
        Glimpse(6, "ana", "text", "live"),
        Glimpse(6, "ana", "text", "andmore"),
    ]
    assert [line.seq for line in missed.lines] == [4, 4, 5]
    assert server.visit.deliveries == 1
    assert server.visit.has_caught_up()
    server.close()


def test_a_page_that_is_not_full_reaches_to_the_end() -> None:
    """Changes of the topic are on no page: they would be asked for for ever."""
    server = Server()
    server.rooms["one"].seq = 3
    server.say(":s 001 irc-1 :Welcome", ":s 366 irc-1 #one :End")
    server.say("@label=l1 :s BATCH +b chathistory #one", message(4, "x", ";batch=b"), "BATCH -b")
    server.say("@label=l2 :s BATCH +c chathistory #one", message(4, "x", ";batch=c"), "BATCH -c")
    assert server.visit.has_caught_up()
    server.heard()
    server.visit.read_to({"one": 6})
    assert server.heard() == ["@label=l3 CHATHISTORY AFTER #one msgid=one/4 100"]
    assert not server.visit.has_caught_up()
    server.say("@label=l3 :s BATCH +d chathistory #one", "BATCH -d")
    assert server.visit.has_caught_up()
    assert server.rooms["one"].seq == 6
    assert [page.until for page in server.journal.sightings] == [None, 4, 6]
    server.close()


def test_history_that_is_refused_is_asked_for_on_another_connection() -> None:
    """Nobody would ask for it again on this one."""
    server = Server()
    server.say(":s 001 irc-1 :Welcome", ":s 366 irc-1 #one :End")
    server.say("@label=l1 :s 263 irc-1 CHATHISTORY :Wait.")
    assert server.visit.over
    server.close()
