"""Several clients do anything in any order; a model of the rooms says what each must see."""

# Over 500 lines: one state machine, whose rules share what they know of the rooms.

import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from chat_server.admin.ask import ask
from chat_server.admin.messages import RemoveRoom
from chat_server.requests.talk.changes import EDITS_LIMIT
from chat_server.runtime.errors import AdminError
from tests.chat_server.house import House, whole_log
from tests.support.peer import Frame, Peer
from tests.support.servers import running_server
from tests.support.waiting import eventually

ROOMS = ("lobby", "garden")
PEOPLE = ("ada", "eva", "zoe")

rooms = st.sampled_from(ROOMS)
people = st.sampled_from(PEOPLE)
texts = st.sampled_from(["hi", "tea?", "e\u0301", "🦊", "a\n\tb"])
CLOSED = "this room is for those who are invited: others do not see it"
OPENED = "everybody may come into this room"
COMPOSED = {"e\u0301": "é"}


@dataclass
class Person:
    """One client, as the model knows it.

    Attributes:
        cursors: for each room that they are in, the seq of the last message they have seen.
        said: their last say and its seq, which may be sent again.
    """

    name: str
    peer: Peer | None = None
    session: str = ""
    nick: str = ""
    next_id: int = 1
    cursors: dict[str, int] = field(default_factory=dict)
    said: tuple[Frame, int] | None = None


@dataclass
class Poll:
    """A poll, as the model knows it: who asked, and who voted for which option."""

    by: str
    votes: dict[str, int] = field(default_factory=dict)


class Rooms(RuleBasedStateMachine):
    """Compares a running server with a model after every step."""

    def __init__(self) -> None:
        super().__init__()
        self._data = Path(tempfile.mkdtemp())
        self._stack = ExitStack()
        self.people = {name: Person(name, nick=name) for name in PEOPLE}
        self.logs: dict[str, list[tuple[str, str, str]]] = {room: [] for room in ROOMS}
        self.authors: dict[str, list[str]] = {room: [] for room in ROOMS}
        self.changes: dict[str, dict[int, int]] = {room: {} for room in ROOMS}  # by their seq
        self.topics = dict.fromkeys(ROOMS, "")
        self.olga = Person("olga", nick="olga")  # the owner, who is in no room
        self.closed = dict.fromkeys(ROOMS, False)  # for those who are invited alone
        self.guests: dict[str, set[str]] = {room: set() for room in ROOMS}
        self.gone = dict.fromkeys(ROOMS, 0)  # the last seq that went with a room that was removed
        self.hands: dict[str, list[str]] = {room: [] for room in ROOMS}  # whose, in their order
        self.polls: dict[str, Poll] = {}  # by room, those that are open

    @initialize()
    def start(self) -> None:
        """A server on this machine's own data folder, and everybody in the first room."""
        server = self._stack.enter_context(running_server(self._data))
        self.house = self._stack.enter_context(House(server))
        self._owner_comes_in(server.owner_secret)
        for name in PEOPLE:
            self.come_in(name)
            self.join(name, ROOMS[0], {"after": 0})

    def teardown(self) -> None:
        try:
            self._nothing_is_left_over()
        finally:
            self._stack.close()
            shutil.rmtree(self._data)

    # -- what people do

    @rule(name=people)
    def come_in(self, name: str) -> None:
        """Connect, as somebody new or with the session; an older connection is replaced."""
        person = self.people[name]
        old, person.peer = person.peer, self.house.connect()
        members = {"session": person.session} if person.session else {}
        welcome = person.peer.hello(person.nick, **members)
        assert (welcome["type"], welcome["nick"]) == ("welcome", person.nick)
        if old is not None:
            old.expect_end("replaced")
            old.close()
        person.session = welcome["session"]
        person.cursors.clear()

    @rule(name=people, how=st.sampled_from(["bye", "close", "reset"]))
    def go(self, name: str, how: str) -> None:
        """Leave properly or not; the session stays good."""
        person = self.people[name]
        if person.peer is None:
            return
        if how == "bye":
            self._ask(person, "bye")
            person.peer.expect_end("bye")
            for room in person.cursors:
                self._take_down(name, room)
        (person.peer.reset if how == "reset" else person.peer.close)()
        person.peer = None
        person.cursors.clear()

    @rule(
        name=people,
        room=rooms,
        members=st.one_of(
            st.just({}),
            st.integers(0, 12).map(lambda n: {"after": n}),
            st.integers(0, 12).map(lambda n: {"history": n}),
        ),
    )
    def join(self, name: str, room: str, members: dict[str, int]) -> None:
        """Place a cursor; what follows it comes at once. Once in a room, they stay there."""
        person = self.people[name]
        if person.peer is None:
            self.come_in(name)
        if room in person.cursors:
            return
        if self.closed[room] and name not in self.guests[room]:
            self._refuse(person, "forbidden", "join", room=room)
            return
        ok = self._ask(person, "join", room=room, **members)
        last = len(self.logs[room])
        assert (ok["room"], ok["seq"], ok["topic"]) == (room, last, self.topics[room])
        person.cursors[room] = last
        if "after" in members:
            person.cursors[room] = min(members["after"], last)
        elif "history" in members:
            person.cursors[room] = max(0, last - members["history"])
        gone = self.gone[room]
        assert ok.get("oldest") == (gone + 1 if person.cursors[room] < gone else None)
        self._deliver()

    @rule(name=people, room=rooms)
    def leave(self, name: str, room: str) -> None:
        """In a room: ok. Elsewhere: not_in_room."""
        person = self.people[name]
        if self._is_refused(person, room, "leave"):
            return
        self._ask(person, "leave", room=room)
        del person.cursors[room]
        self._take_down(name, room)

    @rule(name=people, room=rooms, text=texts, kind=st.sampled_from(["text", "action"]))
    def say(self, name: str, room: str, text: str, kind: str) -> None:
        """One more entry in the log, and everybody in the room sees it."""
        person = self.people[name]
        if self._is_refused(person, room, "say", text=text):
            return
        frame = {"type": "say", "id": person.next_id, "room": room, "text": text, "kind": kind}
        ok = self._ask(person, "say", room=room, text=text, kind=kind)
        self._append(person, room, kind, text, ok)
        person.said = frame, ok["seq"]

    @rule(name=people, room=rooms, topic=texts)
    def set_topic(self, name: str, room: str, topic: str) -> None:
        """An entry of the log too."""
        person = self.people[name]
        if self._is_refused(person, room, "topic", topic=topic):
            return
        ok = self._ask(person, "topic", room=room, topic=topic)
        self.topics[room] = COMPOSED.get(topic, topic)
        self._append(person, room, "topic", topic, ok)

    @rule(name=people, room=rooms, back=st.integers(0, 5), text=texts)
    def edit(self, name: str, room: str, back: int, text: str) -> None:
        """An entry; the message before it says something else, to whoever reads it then."""
        self._change(name, room, len(self.logs[room]) - back, "edit", text)

    @rule(name=people, room=rooms, back=st.integers(0, 5))
    def delete(self, name: str, room: str, back: int) -> None:
        """An entry; what was said stands nowhere any more."""
        self._change(name, room, len(self.logs[room]) - back, "delete", None)

    @rule(room=rooms, closed=st.booleans())
    def set_invite_only(self, room: str, closed: bool) -> None:
        """The owner closes a room to all but those who are invited or there, or opens it."""
        if not self._exists(room):
            return
        ok = self._ask(self.olga, "set_rules", room=room, invite_only=closed)
        assert ok["type"] == "ok"
        self.closed[room] = closed
        there = {name for name, person in self.people.items() if room in person.cursors}
        self.guests[room] = self.guests[room] | there if closed else set()
        self._append_of_server("olga", room, "notice", CLOSED if closed else OPENED)

    @rule(name=people, room=rooms)
    def invite(self, name: str, room: str) -> None:
        """Who is here may come in from now on; the list of rooms has it for those alone."""
        person = self.people[name]
        if person.peer is None or not self._exists(room):
            return
        self._ask(self.olga, "invite", room=room, who=person.nick)
        self.guests[room].add(name)
        self._see_rooms(person)

    @rule(name=people, room=rooms)
    def uninvite(self, name: str, room: str) -> None:
        """Who came in by it is out, and hears nothing more."""
        person = self.people[name]
        if person.peer is None or not self._exists(room):
            return
        if name not in self.guests[room]:
            self._refuse(self.olga, "no_such_nick", "uninvite", room=room, who=person.nick)
            return
        self._ask(self.olga, "uninvite", room=room, who=person.nick)
        self.guests[room].discard(name)
        if self.closed[room] and person.cursors.pop(room, None) is not None:
            self._take_down(name, room)
            assert person.peer.expect("expelled")["room"] == room
        self._see_rooms(person)

    @rule(name=people, room=rooms, question=st.sampled_from([None, "why?"]))
    def raise_hand(self, name: str, room: str, question: str | None) -> None:
        """It stands where it stood, or at the end of the queue, also of those who vanished."""
        person = self.people[name]
        members = {"question": question} if question else {}
        if self._is_refused(person, room, "hand", up=True, **members):
            return
        hands = self.hands[room]
        if name not in hands:
            hands.append(name)
        ok = self._ask(person, "hand", room=room, up=True, **members)
        assert ok["place"] == hands.index(name) + 1

    @rule(name=people, room=rooms)
    def lower_hand(self, name: str, room: str) -> None:
        """Whoever stood behind it moves up."""
        person = self.people[name]
        if not self._is_refused(person, room, "hand", up=False):
            self._ask(person, "hand", room=room, up=False)
            self._take_down(name, room)

    @rule(name=people, room=rooms)
    def ask_poll(self, name: str, room: str) -> None:
        """An entry of the log. One is open at a time; nobody is in charge here."""
        person = self.people[name]
        wanted = {"question": "Tea?", "options": ["yes", "no"]}
        if self._is_refused(person, room, "poll", **wanted):
            return
        if room in self.polls:
            self._refuse(person, "forbidden", "poll", room=room, **wanted)
            return
        self._ask(person, "poll", room=room, **wanted)
        self.polls[room] = Poll(name)
        text = "poll: Tea?  1. yes  2. no  (/vote NUMBER; nobody sees who votes for what)"
        self._append_of_server(person.nick, room, "poll", text)

    @rule(name=people, room=rooms, choice=st.sampled_from([1, 2]))
    def vote(self, name: str, room: str, choice: int) -> None:
        """One vote a person, the last one."""
        person = self.people[name]
        if self._is_refused(person, room, "vote", choice=choice):
            return
        if room not in self.polls:
            self._refuse(person, "forbidden", "vote", room=room, choice=choice)
            return
        self._ask(person, "vote", room=room, choice=choice)
        self.polls[room].votes[name] = choice

    @rule(name=people, room=rooms)
    def end_poll(self, name: str, room: str) -> None:
        """By who asked; by others, once that one is not there. All see the result."""
        person, poll = self.people[name], self.polls.get(room)
        if self._is_refused(person, room, "end_poll"):
            return
        if poll is None or (name != poll.by and room in self.people[poll.by].cursors):
            self._refuse(person, "forbidden", "end_poll", room=room)
            return
        # Who vanished may still have to be noticed.
        eventually(lambda: self._reply(person, "end_poll", room=room)["type"] == "ok")
        votes = list(self.polls.pop(room).votes.values())
        text = f"result of the poll: Tea?  yes {votes.count(1)}, no {votes.count(2)}"
        self._append_of_server(person.nick, room, "poll", text)

    @rule(name=people)
    def say_again(self, name: str) -> None:
        """The last say with the same id: the same ok, and nothing happens."""
        person = self.people[name]
        if person.peer is None or person.said is None:
            return
        frame, seq = person.said
        if frame["room"] in person.cursors:
            person.peer.send(frame)
            assert person.peer.reply(frame["id"])["seq"] == seq

    @rule(name=people, number=st.integers(0, 2))
    def rename(self, name: str, number: int) -> None:
        """Take another nick of one's own, or try one that somebody here has."""
        person = self.people[name]
        if person.peer is None:
            return
        nick = f"{name}{number}"
        assert self._ask(person, "nick", nick=nick)["nick"] == nick
        person.nick = nick
        for other in self.people.values():
            if other.peer is not None and other is not person:
                self._refuse(person, "nick_in_use", "nick", nick=other.nick.upper())

    @rule(name=people, other=people, text=texts)
    def tell(self, name: str, other: str, text: str) -> None:
        """It reaches them if they are here."""
        person, recipient = self.people[name], self.people[other]
        if person.peer is None or recipient.peer is None:
            return
        self._ask(person, "tell", to=recipient.nick, text=text)
        direct = recipient.peer.expect("direct")
        assert (direct["from"], direct["text"]) == (person.nick, COMPOSED.get(text, text))

    # -- what people ask

    @rule(name=people, room=rooms)
    def who(self, name: str, room: str) -> None:
        """The members, once those that vanished are noticed."""
        person = self.people[name]
        if person.peer is None or room not in person.cursors:
            return
        there = sorted(p.nick for p in self.people.values() if room in p.cursors)
        eventually(lambda: self._ask(person, "who", room=room)["members"] == there)

    @rule(
        name=people,
        room=rooms,
        limit=st.integers(1, 5),
        place=st.integers(0, 12),
        side=st.sampled_from(["after", "before", None]),
    )
    def history(self, name: str, room: str, limit: int, place: int, side: str | None) -> None:
        """A page of the log, cut where the model cuts it."""
        person = self.people[name]
        if person.peer is None or room not in person.cursors:
            return
        members = {side: place} if side else {}
        page = self._ask(person, "history", room=room, limit=limit, **members)
        numbers = list(range(self.gone[room] + 1, len(self.logs[room]) + 1))
        if side == "after":
            matching = [n for n in numbers if n > place]
            expected = matching[:limit]
        else:
            matching = [n for n in numbers if side is None or n < place]
            expected = matching[-limit:]
        assert [message["seq"] for message in page["messages"]] == expected
        assert page["more"] is (len(matching) > limit)

    @rule(room=rooms, empty=st.booleans())
    def remove(self, room: str, empty: bool) -> None:
        """The operator removes a room: refused while somebody is in, or if none exists."""
        for name in PEOPLE if empty else ():
            self.leave(name, room)
        if any(room in person.cursors for person in self.people.values()):
            assert " in " in self._refusal_to_remove(room)
        elif len(self.logs[room]) == self.gone[room]:
            # Who vanished may still have to be noticed; then it goes by itself.
            eventually(lambda: "no room" in self._refusal_to_remove(room))
        else:
            eventually(lambda: not self._refusal_to_remove(room))
            self.gone[room], self.topics[room] = len(self.logs[room]), ""
            self.closed[room], self.guests[room] = False, set()
            self.polls.pop(room, None)
            self.hands[room].clear()
            for person in self.people.values():
                if person.said and person.said[0]["room"] == room:
                    person.said = None

    @precondition(lambda self: any(self.logs.values()))
    @rule()
    def restart(self) -> None:
        """Stop the server and start it on the same data: everybody has to come in again."""
        self._nothing_is_left_over()
        self._stack.close()
        for person in self.people.values():
            person.peer = None
            person.cursors.clear()
        self.start()

    # -- the model

    def _owner_comes_in(self, secret: str | None) -> None:
        """The owner, with the session of before if there is one."""
        olga = self.olga
        olga.peer = self.house.connect()
        members = {"session": olga.session} if olga.session else {}
        olga.session = olga.peer.hello(olga.nick, **members)["session"]
        if not members:
            self._ask(olga, "claim", secret=secret)

    def _exists(self, room: str) -> bool:
        """Whether there is a room for certain: somebody is in it, or something was said."""
        there = any(room in person.cursors for person in self.people.values())
        return there or len(self.logs[room]) > self.gone[room]

    def _see_rooms(self, person: Person) -> None:
        """A room that one is neither in nor invited to is in no list."""
        listed = {each["room"] for each in self._ask(person, "rooms")["rooms"]}
        for room in ROOMS:
            if self._exists(room):
                shut_out = self.closed[room] and person.name not in self.guests[room]
                assert (room in listed) is not shut_out

    def _take_down(self, name: str, room: str) -> None:
        if name in self.hands[room]:
            self.hands[room].remove(name)

    def _reply(self, person: Person, kind: str, /, **members: Any) -> Frame:
        """Send a request with the session's next id."""
        assert person.peer is not None
        identity, person.next_id = person.next_id, person.next_id + 1
        person.peer.send({"type": kind, "id": identity, **members})
        return person.peer.reply(identity)

    def _ask(self, person: Person, kind: str, /, **members: Any) -> Frame:
        """Send a request that must be done."""
        reply = self._reply(person, kind, **members)
        assert reply["type"] in ("ok", "page"), (kind, members, reply)
        return reply

    def _refuse(self, person: Person, code: str, kind: str, /, **members: Any) -> None:
        """Send a request that must be refused."""
        reply = self._reply(person, kind, **members)
        assert (reply["type"], reply.get("code")) == ("error", code)

    def _is_refused(self, person: Person, room: str, kind: str, /, **members: Any) -> bool:
        """Whether this person cannot ask that there; if they are here, see that it is so."""
        if person.peer is None:
            return True
        if room in person.cursors:
            return False
        self._refuse(person, "not_in_room", kind, room=room, **members)
        return True

    def _refusal_to_remove(self, room: str) -> str:
        """Try to remove a room. Return why it is refused, or ""."""
        try:
            list(ask(self._data, RemoveRoom(room)))
        except AdminError as error:
            return str(error)
        return ""

    def _change(self, name: str, room: str, seq: int, kind: str, text: str | None) -> None:
        person = self.people[name]
        members: dict[str, Any] = {"seq": seq} if text is None else {"seq": seq, "text": text}
        if seq < 1 or self._is_refused(person, room, kind, **members):
            return
        code = self._refusal_to_change(name, room, seq, kind)
        if code:
            self._refuse(person, code, kind, room=room, **members)
            return
        ok = self._ask(person, kind, room=room, **members)
        log = self.logs[room]
        edits = [each for each, changed in self.changes[room].items() if changed == seq]
        for place in (seq - 1, *(edit - 1 for edit in edits)):
            by, what, _ = log[place]
            if text is None:
                log[place] = by, "edit" if what == "edit" else "text", "(deleted)"
            else:
                log[place] = by, what, COMPOSED.get(text, text)
        self.changes[room][ok["seq"]] = seq
        self._append(person, room, kind, text or f"deleted message {seq}", ok)

    def _refusal_to_change(self, name: str, room: str, seq: int, kind: str) -> str:
        """Why this person, who moderates nobody, may not change a message; "" if they may."""
        if seq <= self.gone[room]:
            return "no_such_message"
        _, said, text = self.logs[room][seq - 1]
        fixed = {"edit", "delete"} | ({"topic"} if kind == "edit" else set())
        if self.authors[room][seq - 1] != name or said in fixed or text == "(deleted)":
            return "forbidden"
        edits = list(self.changes[room].values()).count(seq)
        return "forbidden" if kind == "edit" and edits >= EDITS_LIMIT else ""

    def _append_of_server(self, nick: str, room: str, kind: str, text: str) -> None:
        """An entry that a request left, and that nobody but a moderator may change."""
        self.logs[room].append((nick, kind, text))
        self.authors[room].append("")
        self._deliver()

    def _append(self, person: Person, room: str, kind: str, text: str, ok: Frame) -> None:
        self.logs[room].append((person.nick, kind, COMPOSED.get(text, text)))
        self.authors[room].append(person.name)
        assert ok["seq"] == len(self.logs[room])
        self._deliver()

    def _deliver(self) -> None:
        """Everybody receives exactly what follows their cursors."""
        for person in self.people.values():
            for room, cursor in person.cursors.items():
                assert person.peer is not None
                begin = max(cursor, self.gone[room])
                due = self.logs[room][begin:]
                messages = person.peer.messages(len(due), room)
                assert [(m["from"], m["kind"], m["text"]) for m in messages] == due
                assert [m["seq"] for m in messages] == list(range(begin + 1, begin + 1 + len(due)))
                person.cursors[room] = len(self.logs[room])

    def _nothing_is_left_over(self) -> None:
        """No message came that the model does not know of, and the logs are the model's."""
        for person in self.people.values():
            if person.peer is None:
                continue
            person.peer.ping()
            for room in person.cursors:
                log = [(m["from"], m["kind"], m["text"]) for m in whole_log(person.peer, room)]
                assert log == self.logs[room][self.gone[room] :]
            unasked = {"message", "direct", "error", "goodbye"}
            assert not [f for f in person.peer.queue if f["type"] in unasked]


TestRooms = pytest.mark.long(Rooms.TestCase)
# Without shrinking: what is missing is waited for, which makes a shorter example dear.
TestRooms.settings = settings(
    max_examples=30,
    stateful_step_count=50,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
