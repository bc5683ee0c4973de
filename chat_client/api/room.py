"""A room that we are in: its messages, and what we can do in it.

It is long, as it has a short method with a docstring for each thing that one can do in a room.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from msgspec import UnsetType

from chat_client.api import files
from chat_client.api.moderation import Authority
from chat_client.api.replies import LONGEST_LIST, checked, given, goes_on, page_of, seq_of
from chat_client.api.room_rules import RulesOfRoom
from chat_client.errors import ChatError
from chat_client.events import MEMBER
from chat_client.session.feed import Feed
from chat_client.session.session import Session
from protocol.messages import (
    AnyRequest,
    Delete,
    Edit,
    EndPoll,
    Hand,
    HandEntry,
    Hands,
    History,
    Leave,
    Message,
    Next,
    Ok,
    Pin,
    Poll,
    PollResult,
    Say,
    Search,
    Topic,
    Unpin,
    Vote,
    Who,
)
from protocol.text import (
    normalize_option,
    normalize_question,
    normalize_reason,
    normalize_text,
    normalize_topic,
)

_PAGE = 1000
"""Messages: the most that one request may ask for."""


class Room:
    """A room that we are in. Iterating it yields each of its messages once, in order.

    Iteration waits for the next message. It ends when we leave the room or close the chat, and
    raises Closed or Refused if the server ended it. It yields our own messages, too, but not what
    other bots say: see `Chat.join` and `connect`. A slow reader misses nothing: it fetches from the
    server what no longer fits in memory. One thread at a time may iterate a room.
    """

    def __init__(self, session: Session, feed: Feed, *, bots: bool = False) -> None:
        self._session = session
        self._feed = feed
        self._bots = bots
        self._fetched: deque[Message] = deque()
        self._fetched_in = 0  # the number of divergences then

    @property
    def name(self) -> str:
        """The room's name."""
        return self._feed.room

    @property
    def topic(self) -> str:
        """The room's topic, as the client last heard it."""
        return self._feed.topic

    @property
    def heard(self) -> int:
        """The seq of the last message received; see `place`."""
        return self._feed.heard

    @property
    def place(self) -> tuple[int, str | None]:
        """The seq of the last message received, and the name of its log.

        `join(..., after=seq, log=log)` goes on behind that message. The name is None if the server
        names no logs.
        """
        return self._feed.place

    def __repr__(self) -> str:
        return f"<Room #{self.name}>"

    def __iter__(self) -> Iterator[Message]:
        return self

    def __next__(self) -> Message:
        while True:
            message = self._next()
            if self._bots or not message.bot or message.from_ == self._session.nick:
                return message

    def _next(self) -> Message:
        while True:
            if self._fetched and self._fetched_in == self._feed.read.divergences:
                return self._fetched.popleft()
            self._fetched.clear()  # they are from a log that was replaced
            if not self._feed.wait():
                raise StopIteration
            message = self._feed.take()
            if message:
                return message
            self._fetch()

    def say(
        self,
        text: str,
        *,
        kind: Literal["text", "action", "code"] = "text",
        language: str | None = None,
        reply_to: int | None = None,
    ) -> int:
        """Say something and return its seq once the server has stored it.

        The seq is 0 if a broken connection lost the reply, and the server deleted the message
        before the client was back.

        Args:
            text: 1 to 4000 characters, no control characters but line feed and tab.
            kind: "action" for a text as of `/me`; "code" for a block that keeps its form.
            language: what code is written in, such as "python"; None if that is not known.
            reply_to: the seq of the message that this answers.

        Raises:
            Refused: `bad_text`, `text_too_long`, `muted`, `not_in_room`, ... After `rate_limited`
                the client waits and repeats the request.
            Unconfirmed: nobody can know whether it was stored.
            Closed: the chat is over.
        """
        said = checked(normalize_text, text)
        return seq_of(
            self._session.request(lambda id: Say(id, self.name, said, kind, language, reply_to))
        )

    def edit(self, seq: int, text: str) -> int:
        """Give one of our own messages another text, and return the seq of the entry that says so.

        The server lets authors do that for some time, ten minutes by default.

        Args:
            seq: the message's.
            text: the rules of `say` apply.

        Raises:
            Refused: `forbidden`, `no_such_message`, `muted`, `not_in_room`, ...
            Unconfirmed: nobody can know whether it was stored.
            Closed: the chat is over.
        """
        said = checked(normalize_text, text)
        return seq_of(self._session.request(lambda id: Edit(id, self.name, seq, said)))

    def delete(self, seq: int, reason: str | None = None) -> int:
        """Take a message back, and return the seq of the entry that says so.

        Moderators may delete what anybody said; others what they said themselves, for some time.

        Args:
            seq: the message's.
            reason: a line that everybody reads.

        Raises:
            Refused: `forbidden`, `no_such_message`, `muted`, `not_in_room`, ...
            Unconfirmed: nobody can know whether it was stored.
            Closed: the chat is over.
        """
        why = None if reason is None else checked(normalize_reason, reason)
        return seq_of(self._session.request(lambda id: Delete(id, self.name, seq, why)))

    def set_topic(self, topic: str) -> int:
        """Set the topic and return the seq of the message that says so.

        Args:
            topic: the rules of `say` apply; "" clears the topic.

        Raises:
            Refused: `bad_text`, `muted`, `not_in_room`, ...
            Unconfirmed: nobody can know whether it was stored.
            Closed: the chat is over.
        """
        wanted = checked(normalize_topic, topic)
        return seq_of(self._session.request(lambda id: Topic(id, self.name, wanted)))

    def leave(self) -> None:
        """Leave the room. Iterating it ends.

        Raises:
            Refused: `not_in_room`.
            Closed: the chat is over.
        """
        self._session.request(lambda id: Leave(id, self.name))

    def wait_for(self, seq: int, timeout: float | None = None) -> bool:
        """Wait until the message `seq` was received.

        Args:
            seq: as `say` returned it.
            timeout: seconds; None waits until the room or the chat ends.

        Returns:
            Whether it was.
        """
        return self._feed.wait_for(seq, timeout)

    def who(self) -> list[str]:
        """Return the nicks of all who are in the room, sorted.

        Raises:
            Refused: `not_in_room`, ...
            Closed: the chat is over.
        """
        return list(self.people())

    def people(self) -> dict[str, str]:
        """Return the role of each nick in the room: "member", "moderator" or "owner"; sorted.

        Raises:
            Refused: `not_in_room`, ...
            Closed: the chat is over.
        """
        found: dict[str, str] = {}
        after = None
        while True:
            page = page_of(self._session.request(partial(_who, self.name, after)))
            roles = {} if isinstance(page.roles, UnsetType) else page.roles
            nicks = given(page.members)
            found |= {nick: roles.get(nick, MEMBER) for nick in nicks}
            if not nicks or not goes_on(page, after, nicks[-1], len(found)):
                return found
            after = nicks[-1]

    @property
    def rules(self) -> RulesOfRoom:
        """The rules of the room: what holds there, and who is invited."""
        return RulesOfRoom(self._session, self.name)

    def history(
        self, limit: int, *, before: int | None = None, after: int | None = None
    ) -> list[Message]:
        """Return messages from the room's log, oldest first.

        Args:
            limit: how many at most.
            before: return the newest messages with a smaller seq.
            after: return the oldest messages with a larger seq. Without both, the newest of all.

        Raises:
            Refused: `not_in_room`, ...
            Closed: the chat is over.
        """
        if after is None:
            return self._backwards(partial(_history, self.name), limit, before)
        found: list[Message] = []
        while len(found) < limit:
            size = min(limit - len(found), _PAGE)
            seq = found[-1].seq if found else after
            build = partial(_history, self.name, None, size, after=seq)
            page = page_of(self._session.request(build))
            found += given(page.messages)
            if not page.more or not page.messages:
                break
        return found

    def message(self, seq: int) -> Message | None:
        """Return one message of the room's log; None if it has none of that number.

        Args:
            seq: its number.

        Raises:
            Refused: `not_in_room`, ...
            Closed: the chat is over.
        """
        found = self.history(1, after=seq - 1) if seq > 0 else []
        return found[0] if found and found[0].seq == seq else None

    def search(self, query: str, limit: int, *, before: int | None = None) -> list[Message]:
        """Return the newest messages that hold all words of `query`, oldest first.

        Args:
            query: words.
            limit: how many at most.
            before: only messages with a smaller seq.

        Raises:
            Refused: `not_in_room`, `bad_request`, ...
            Closed: the chat is over.
        """
        return self._backwards(partial(_search, self.name, query), limit, before)

    # -- being in charge: see `Authority`, and what it raises ------------------------------------

    def announce(self, text: str) -> None:
        """Say something as a notice."""
        Authority(self._session).announce(text, self.name)

    def freeze(self, *, seconds: float | None = None, speakers: Sequence[str] = ()) -> None:
        """Let only moderators and `speakers` talk here, for some seconds or until `unfreeze`."""
        Authority(self._session).freeze(self.name, seconds=seconds, speakers=speakers)

    def unfreeze(self) -> None:
        """Let everybody talk again."""
        Authority(self._session).unfreeze(self.name)

    def slow(self, seconds: float) -> None:
        """Let each member talk only once in so many seconds; 0 ends that."""
        Authority(self._session).slow(self.name, seconds)

    def lock(self) -> None:
        """Let nobody else in."""
        Authority(self._session).lock(self.name)

    def unlock(self) -> None:
        """Let everybody in again."""
        Authority(self._session).unlock(self.name)

    def send_file(self, path: Path, progress: Callable[[int], None] | None = None) -> int:
        """Send a file to the server, and return the seq of the message that offers it here.

        Args:
            path: the file. Sent again after it was broken off, it goes on from there.
            progress: is told how many bytes the server has.

        Raises:
            OSError: it cannot be read.
            Refused: `forbidden`, `unavailable`, `muted`, ...
            TransferError: it was broken off.
            Closed: the chat is over.
        """
        return files.send(self._session, self.name, path, progress or _ignore)

    def fetch_file(
        self, message: Message, path: Path, progress: Callable[[int], None] | None = None
    ) -> None:
        """Fetch the file that a message of kind `file` offers. Its SHA-256 is checked.

        Args:
            message: the offer.
            path: where to write it: a name that is not there yet. Fetched again after it was
                broken off, it goes on from there.
            progress: is told how many bytes are there.

        Raises:
            OSError: it cannot be written, or is there already.
            TransferError: it was broken off, is no longer there, or is not what was offered.
        """
        files.fetch(self._session, message, path, progress or _ignore)

    def pin(self, seq: int) -> None:
        """Keep a message at the top of the room; `PinsChange` tells what stands there."""
        self._session.request(lambda id: Pin(id, self.name, seq))

    def unpin(self, seq: int) -> None:
        """Keep a message at the top of the room no longer."""
        self._session.request(lambda id: Unpin(id, self.name, seq))

    # -- hands and polls -------------------------------------------------------------------------

    def raise_hand(self, question: str = "") -> int:
        """Show the moderators that we want to talk, or what we ask.

        Args:
            question: one line of at most 300 characters. All see it when we get the floor. If our
                hand is up already, it replaces what we asked before.

        Returns:
            Our place in the queue, from 1; 0 if the server does not say it.
        """
        asked = checked(normalize_question, question) if question else None
        reply = self._session.request(lambda id: Hand(id, self.name, True, asked))
        return reply.place if isinstance(reply, Ok) and isinstance(reply.place, int) else 0

    def lower_hand(self) -> None:
        """Take the hand down again; give the floor back, if we have it and no hand is up."""
        self._session.request(lambda id: Hand(id, self.name, False))

    def hands(self) -> list[str]:
        """Return the nicks of those who raised a hand, in that order."""
        return [entry.nick for entry in self.queue() if not entry.floor]

    def queue(self) -> list[HandEntry]:
        """Return who raised a hand, in that order, behind who has the floor.

        Each has `nick`, `time` (Unix seconds), `question` and `floor`.
        """
        found: list[HandEntry] = []
        after = None
        while True:
            page = page_of(self._session.request(partial(_hands, self.name, after)))
            nicks = given(page.hands)
            if isinstance(page.queue, UnsetType):  # a server of before there were questions
                found += [HandEntry(nick, 0.0) for nick in nicks]
            else:
                found += page.queue
            if not nicks or not page.more or len(found) >= LONGEST_LIST:
                return found
            after = nicks[-1]

    def next_speaker(self) -> str | None:
        """Give the floor to the first in the queue, and take it from who had it.

        In a frozen room that one may talk.

        Returns:
            Who has the floor now; None if nobody does.
        """
        reply = self._session.request(lambda id: Next(id, self.name))
        return reply.nick if isinstance(reply, Ok) and isinstance(reply.nick, str) else None

    def poll(self, question: str, options: Sequence[str], *, named: bool = False) -> None:
        """Ask everybody in the room. A message of the kind `poll` says so.

        Args:
            question: one line of at most 300 characters.
            options: 2 to 10 different ones, of at most 100 characters.
            named: whether the result says who voted for what.
        """
        asked = checked(normalize_question, question)
        wanted = tuple(checked(normalize_option, option) for option in options)
        self._session.request(lambda id: Poll(id, self.name, asked, wanted, named))

    def vote(self, choice: int) -> None:
        """Vote for an option, from 1. We may vote again until the poll ends."""
        self._session.request(lambda id: Vote(id, self.name, choice))

    def end_poll(self) -> None:
        """End the poll. A message of the kind `poll` has the result."""
        self._session.request(lambda id: EndPoll(id, self.name))

    def poll_results(self, limit: int = 10_000) -> list[Message]:
        """Return the messages with the results of polls, oldest first.

        Args:
            limit: how many of the newest messages of the room are looked at.
        """
        return [
            message
            for message in self.history(limit)
            if isinstance(message.poll, PollResult)
            and not isinstance(message.poll.counts, UnsetType)
        ]

    def _backwards(
        self, build: Callable[[int | None, int, int], AnyRequest], limit: int, before: int | None
    ) -> list[Message]:
        """Collect pages from the newest back. `build` takes `before`, a page's size and the id."""
        found: list[Message] = []
        while len(found) < limit:
            size = min(limit - len(found), _PAGE)
            page = page_of(self._session.request(partial(build, before, size)))
            messages = given(page.messages)
            found[:0] = messages
            if not page.more or not messages:
                break
            before = messages[0].seq
        return found

    def _fetch(self) -> None:
        """Fetch messages that were heard and no longer are in memory."""
        read, heard, divergences = self._feed.read
        if read >= heard:  # the log was replaced at this moment
            return
        found = self.history(_PAGE, after=read)
        if not found and self._feed.read.divergences == divergences:
            raise ChatError(f"the server's log of {self.name} lacks what follows message {read}")
        fetched = [message for message in found if message.seq <= heard]
        if self._feed.skip_to(fetched[-1].seq if fetched else heard, divergences):
            self._fetched.extend(fetched)
            self._fetched_in = divergences


def _ignore(_: int) -> None:
    """Do nothing."""


# -- requests, with the id last, as the session fills it in ---------------------------------------


def _who(room: str, after: str | None, id: int) -> Who:
    return Who(id, room, after)


def _hands(room: str, after: str | None, id: int) -> Hands:
    return Hands(id, room, after=after)


def _history(
    room: str, before: int | None, limit: int, id: int, after: int | None = None
) -> History:
    return History(id, room, before, after, limit)


def _search(room: str, query: str, before: int | None, limit: int, id: int) -> Search:
    return Search(id, room, query, before, limit)
