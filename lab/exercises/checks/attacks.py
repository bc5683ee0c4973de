"""Steps 9 and 12: clients that stop reading, break the rules, or send without end."""

import contextlib
import random
from collections.abc import Sequence

from lab.exercises.checks.chat import enter, say
from lab.exercises.peer import HEADER, Peer, Wrong, frame, shown
from lab.exercises.target import Target

_LARGE = "x" * 60_000
_TIMES = 150
"""9 MB in all: twice what the system takes for a client that does not read."""

_LONGEST = 65_536  # bytes of a frame, from step 12 on
_SILENT = 50  # connections
_ROUNDS = 40
_SPAM = "spam" * 250
_FLOOD = frame(_SPAM.encode()) * 50


def check_frozen_reader(target: Target) -> None:
    """A member that stops reading holds up nobody."""
    with target.paragraph("Before anybody freezes"):
        anna = enter(target, "anna")
        ben = enter(target, "ben", [anna])
        frozen = enter(target, "carl", [anna, ben])
        say(anna, "hello", [ben, frozen], "anna: hello")
    with target.paragraph("One stops reading"):
        cut = False
        for number in range(_TIMES):
            anna.send(
                frame(f"{number} {_LARGE}".encode()), "sent a long message while carl did not read"
            )
            ben.note("waited for anna's message, while carl did not read")
            for each in (anna, ben):
                cut |= _hears(each, f"anna: {number} {_LARGE}", skip="- carl")
    with target.paragraph("The others go on"):
        newcomer = target.connect("dora")
        newcomer.send_frame("dora")
        newcomer.expect_frame("ok")
        for each in (anna, ben, newcomer):
            each.note("waited after dora had come, while carl did not read,")
            cut |= _hears(each, "+ dora", skip="- carl")
        for each in (newcomer, ben):
            each.send_frame("and now?")
            for other in (anna, ben, newcomer):
                cut |= _hears(other, f"{each.name}: and now?", skip="- carl")
    with target.paragraph("The end of the frozen one"):
        frozen.close()
        if not cut:
            for each in (anna, ben, newcomer):
                each.note("waited after carl had left without reading")
                each.expect_frame("- carl")
        say(anna, "bye", [ben, newcomer], "anna: bye")


def _hears(member: Peer, text: str, skip: str) -> bool:
    """Expect a text. Return whether `skip` came before it."""
    wanted = f'"{text[:40]}"'
    skipped = False
    while (came := member.read_text(wanted)) != text:
        if came != skip or skipped:
            raise Wrong(f"{member.name} received {shown(came.encode())}", wanted)
        skipped = True
    return skipped


def check_attacks(target: Target) -> None:
    """The server survives what the net sends, and two members talk on all the while."""
    with target.paragraph("Two who only want to talk"):
        anna = enter(target, "anna")
        ben = enter(target, "ben", [anna])
        talk = _Talk(anna, ben)
        talk.goes_on("nobody had done anything")
    with target.paragraph("A frame that is too long"):
        for length in (_LONGEST + 1, 2**31 - 1, 2**32 - 1):
            attacker = target.connect("the attacker")
            attacker.send(HEADER.pack(length) + b"x", f"announced a frame of {length:,} bytes")
            attacker.expect_end()
        talk.goes_on("a client had announced a frame of 4 GB")
        say(anna, "x" * (_LONGEST - 20), [ben], talk.line("anna", "x" * (_LONGEST - 20)))
    with target.paragraph("Garbage"):
        chance = random.Random(12)
        for size in (1, 3, 100, 5000):
            attacker = target.connect("the attacker")
            attacker.send(b"\xff" + chance.randbytes(size), "sent random bytes")
            attacker.end()
            attacker.skip_to_end()
        attacker = target.connect("the attacker")
        attacker.send(frame(b"\xff\xfe\x00"), "sent a frame that is not UTF-8 as its name")
        attacker.skip_to_end()
        carl = enter(target, "carl", [anna, ben])
        carl.send(frame(b"gr\xfc\xdfe"), "sent a text that is not UTF-8")
        carl.skip_to_end()
        talk.leaves("carl", "carl had sent a text that is not UTF-8")
        talk.goes_on("clients had sent garbage")
    with target.paragraph("Half a frame"):
        for data in (b"\0", HEADER.pack(10), HEADER.pack(10) + b"half"):
            attacker = target.connect("the attacker")
            attacker.send(data, "sent half a frame")
            attacker.end()
            attacker.skip_to_end()
        carl = enter(target, "carl", [anna, ben])
        carl.send(frame(b"never whole")[:-1], "sent all but one byte of a frame")
        talk.goes_on("a member had sent half a frame and nothing more", [carl])
        carl.reset()
        talk.leaves("carl", "carl had reset the connection amid a frame")
    with target.paragraph("Clients that say nothing"):
        silent = [target.connect(f"silent client {number}") for number in range(_SILENT)]
        for number, client in enumerate(silent):
            client.send(b"\0" * (number % 4), "sent a part of a length")
        talk.goes_on(f"{_SILENT} clients had connected and said nothing")
        enter(target, "carl", [anna, ben]).close()
        talk.leaves("carl", "carl had left")
        for client in silent:
            client.reset()
        talk.goes_on(f"{_SILENT} clients had gone without a word")
    with target.paragraph("A flood"):
        flooder = enter(target, "flood", [anna, ben])
        _flood(flooder, talk)
        talk.goes_on("the flood was over")


def _flood(flooder: Peer, talk: "_Talk") -> None:
    """Send as much as goes, read nothing, and leave, while the two talk on."""
    talk.lets_pass = flooder.name
    left = b""
    # The server may close the connection of a member that sends that much.
    with contextlib.suppress(ConnectionError):
        for _ in range(_ROUNDS):
            left = left or _FLOOD
            left = left[flooder.send_some(left) :]
            talk.goes_on("a member had sent thousands of frames and read nothing")
    flooder.close()
    talk.leaves(flooder.name, "the flood was over")
    talk.lets_pass = None


class _Talk:
    """Two members who must always hear each other.

    Attributes:
        lets_pass: who else may say something meanwhile, and leave; None for nobody.
    """

    def __init__(self, anna: Peer, ben: Peer) -> None:
        self._both = (anna, ben)
        self._number = 0
        self._said = 0
        self._gone: set[str] = set()
        self.lets_pass: str | None = None

    def line(self, name: str, text: str) -> str:
        """What arrives of the next message."""
        self._number += 1
        return f"{self._number} {name}: {text}"

    def goes_on(self, when: str, others: Sequence[Peer] = ()) -> None:
        """Let each of the two say something, and expect both to get it.

        Args:
            when: what had happened before, for the sentence.
            others: who is in the room, too.
        """
        for speaker in self._both:
            self._said += 1
            text = f"still here {self._said}"
            speaker.send(
                frame(text.encode()), f"waited for what {speaker.name} had said after {when}"
            )
            numbers = set()
            for member in (*self._both, *others):
                member.note(f"waited for what {speaker.name} had said after {when}")
                numbers.add(self._hear(member, f"{speaker.name}: {text}"))
            if len(numbers) > 1:
                raise Wrong("anna and ben received the same message with two numbers", "one number")
            self._number = numbers.pop()

    def leaves(self, name: str, why: str) -> None:
        """Expect both to hear once that somebody left."""
        for member in self._both:
            member.note(f"waited after {why}")
            while (member.name + name) not in self._gone:
                came = member.read_text(f'"- {name}"')
                if came == f"- {name}":
                    self._gone.add(member.name + name)
                elif not self._passes(came):
                    raise Wrong(f"{member.name} received {shown(came.encode())}", f'"- {name}"')
        for member in self._both:
            self._gone.discard(member.name + name)

    def _hear(self, member: Peer, wanted: str) -> int:
        """Read until a message comes. Return its number."""
        line = f'a number with "{wanted}"'
        while True:
            came = member.read_text(line)
            number, _, rest = came.partition(" ")
            if rest == wanted and number.isdecimal() and int(number) > self._number:
                return int(number)
            if came == f"- {self.lets_pass}":
                self._gone.add(f"{member.name}{self.lets_pass}")
            elif not self._passes(came):
                raise Wrong(f"{member.name} received {shown(came.encode())}", line)

    def _passes(self, came: str) -> bool:
        """Whether this may come at any time: what the flooding member says."""
        return self.lets_pass is not None and came.endswith(f" {self.lets_pass}: {_SPAM}")
