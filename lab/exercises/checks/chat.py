"""Steps 6 to 8, 10 and 11: a chat. Members send frames, and everybody gets them."""

import re
from collections.abc import Sequence

from lab.exercises.peer import Peer, Wrong, frame, shown
from lab.exercises.target import Target

_EACH = 50  # messages
_RACERS = 10  # clients that want the same name
_MOVES = 30  # from room to room and back


def enter(target: Target, name: str, others: Sequence[Peer] = ()) -> Peer:
    """Connect a client that says its name, as from step 8 on.

    Args:
        target: the server.
        name: the name.
        others: who is in the same room, and hears of it.
    """
    member = target.connect(name)
    member.send_frame(name)
    member.expect_frame("ok")
    for each in (member, *others):
        each.note(f"waited after {name} had come")
        each.expect_frame(f"+ {name}")
    return member


def say(speaker: Peer, text: str, others: Sequence[Peer], said: str) -> None:
    """Let somebody say a text, and expect everybody to get it.

    Args:
        speaker: who says it; they get it too.
        text: what they send.
        others: who else is to get it.
        said: what arrives.
    """
    speaker.send_frame(text)
    for each in (speaker, *others):
        if each is not speaker:
            each.note(f"waited after {speaker.name} had said {shown(text.encode())}")
        each.expect_frame(said)


def check_broadcast(target: Target) -> None:
    """Each frame goes to everybody, once, whole, and in its sender's order."""
    with target.paragraph("Everybody gets it, you too"):
        members: list[Peer] = []
        for number in range(1, 6):
            members.append(target.connect(f"client {number}"))
            # Whoever gets their own frame back is on the server's list.
            text = f"client {number} is here"
            say(members[-1], text, members[:-1], text)
        for member in members:
            say(member, "hello", [each for each in members if each is not member], "hello")
    with target.paragraph("Nothing lost, nothing twice, nothing mixed"):
        for member in members[:3]:
            texts = [f"{member.name} says {number}" for number in range(_EACH)]
            member.send(b"".join(frame(text.encode()) for text in texts), "sent 50 frames at once")
        for member in members:
            _heard_all(member, [each.name for each in members[:3]])
    with target.paragraph("Who has left is no member"):
        members.pop(1).close()
        members.pop(1).reset()
        for number, member in enumerate(members):
            text = f"after they left, {number}"
            say(member, text, [each for each in members if each is not member], text)


def _heard_all(member: Peer, speakers: list[str]) -> None:
    """Expect what each of the speakers has said, in the order of each."""
    following = dict.fromkeys(speakers, 0)
    for _ in range(_EACH * len(speakers)):
        text = member.read_text("another frame")
        speaker, _, number = text.partition(" says ")
        if number != str(following.get(speaker)):
            wanted = "a frame that a client had sent"
            if speaker in following:
                wanted = f'"{speaker} says {following[speaker]}"'
            raise Wrong(f"{member.name} received {shown(text.encode())}", wanted)
        following[speaker] += 1


def check_names(target: Target) -> None:
    """Everybody has a name that nobody else has."""
    with target.paragraph("First your name, then your texts"):
        anna = target.connect("anna")
        anna.send_frame("anna")
        anna.expect_frame("ok")
        ben = target.connect("ben")
        ben.send_frame("ben")
        ben.expect_frame("ok")
        say(anna, "hello", [ben], "anna: hello")
    with target.paragraph("Who has no name hears nothing"):
        nameless = target.connect("a client without a name")
        nameless.send_frame("no name!")
        nameless.expect_frame("error bad name")
        say(ben, "only for us", [anna], "ben: only for us")
    with target.paragraph("A name that is taken"):
        nameless.send_frame("anna")
        nameless.expect_frame("error taken")
    with target.paragraph("A bad name"):
        for bad in ("", "a b", "x" * 21, "eve\n", "eve: hello"):
            nameless.send_frame(bad)
            nameless.expect_frame("error bad name")
        nameless.send_frame("carl")
        nameless.expect_frame("ok")
        nameless.name = "carl"
        say(nameless, "here I am", [anna, ben], "carl: here I am")
    with target.paragraph("Two at the same moment"):
        racers = [target.connect(f"client {number}") for number in range(1, _RACERS + 1)]
        for racer in racers:
            racer.send_frame("dora")
        answers = sorted(racer.read_text('"ok" or "error taken"') for racer in racers)
        if answers != ["error taken"] * (_RACERS - 1) + ["ok"]:
            raise Wrong(
                f'{_RACERS} clients asked for the name "dora" at once, '
                f'and {answers.count("ok")} of them received "ok"',
                'a single "ok"',
            )


def check_leaving(target: Target) -> None:
    """Everybody hears who comes and who leaves, once, however they leave."""
    with target.paragraph("Who comes and who leaves"):
        anna = enter(target, "anna")
        ben = enter(target, "ben", [anna])
        carl = enter(target, "carl", [anna, ben])
        carl.close()
        _left("carl", [anna, ben])
    with target.paragraph("The three ways to leave"):
        carl = enter(target, "carl", [anna, ben])
        carl.reset()
        _left("carl", [anna, ben])
        carl = enter(target, "carl", [anna, ben])
        carl.end()
        _left("carl", [anna, ben])
        carl.skip_to_end()  # what others said before is not lost by it, nor is it expected
    with target.paragraph("Once, and only who was there"):
        nameless = target.connect("a client without a name")
        nameless.close()
        say(anna, "who was that?", [ben], "anna: who was that?")
    with target.paragraph("Come and go"):
        for _ in range(20):
            carl = enter(target, "carl", [anna, ben])
            say(ben, "again?", [anna, carl], "ben: again?")
            carl.close()
            _left("carl", [anna, ben])
    with target.paragraph("Many leave at once"):
        names = [f"guest{number}" for number in range(8)]
        guests: list[Peer] = []
        for name in names:
            guests.append(enter(target, name, [anna, ben, *guests]))
        for guest in guests:
            guest.close()
        for member in (anna, ben):
            member.note("waited after eight guests had left")
            left = sorted(member.read_text("a notice for each guest") for _ in names)
            if left != [f"- {name}" for name in names]:
                came = shown(", ".join(left).encode())
                raise Wrong(
                    f"eight guests left and {member.name} received {came}",
                    '"- " with the name, once for each of them,',
                )
        say(anna, "just us", [ben], "anna: just us")


def _left(name: str, others: Sequence[Peer]) -> None:
    for each in others:
        each.note(f"waited after {name} had left")
        each.expect_frame(f"- {name}")


def check_numbers(target: Target) -> None:
    """Each message has a number; everybody sees all of them in the same order."""
    with target.paragraph("Count from 1"):
        members: list[Peer] = []
        for name in ("anna", "ben", "carl", "dora"):
            members.append(enter(target, name, members))
        anna, ben, carl, dora = members
        say(anna, "hello", [ben, carl, dora], "1 anna: hello")
        say(ben, "hello", [anna, carl, dora], "2 ben: hello")
    with target.paragraph("Notices have no number"):
        enter(target, "eve", members).close()
        _left("eve", members)
        say(anna, "who was that?", [ben, carl, dora], "3 anna: who was that?")
    with target.paragraph("All at once"):
        for member in members:
            texts = [f"text {number}" for number in range(_EACH)]
            member.send(b"".join(frame(text.encode()) for text in texts), "sent 50 frames at once")
        heard = [_numbered(member, 4, _EACH * len(members)) for member in members]
    with target.paragraph("The same for everybody"):
        for member, texts in zip(members, heard, strict=True):
            for number, (mine, annas) in enumerate(zip(texts, heard[0], strict=True), 4):
                if mine != annas:
                    raise Wrong(
                        f'message {number} is "{annas}" for anna and "{mine}" for {member.name}',
                        "the same message for everybody",
                    )


def _numbered(member: Peer, first: int, count: int) -> list[str]:
    """Read `count` messages that are numbered from `first` on. Return them without the number."""
    texts = []
    for number in range(first, first + count):
        text = member.read_text(f"a message with the number {number}")
        found = re.fullmatch(r"(\d+) (\w+: text \d+)", text, re.ASCII)
        if found is None or int(found[1]) != number:
            came = shown(text.encode())
            raise Wrong(f"{member.name} received {came}", f"a message with the number {number}")
        texts.append(found[2])
    return texts


def check_rooms(target: Target) -> None:
    """Each room has its own members and its own numbers; a client is in one room at a time."""
    with target.paragraph("Everybody starts in the lobby"):
        anna = enter(target, "anna")
        ben = enter(target, "ben", [anna])
        carl = enter(target, "carl", [anna, ben])
        _who(anna, "anna ben carl")
        say(anna, "hello", [ben, carl], "1 anna: hello")
    with target.paragraph("/join moves you"):
        _move(anna, "tea", here=[ben, carl], there=[])
        _move(ben, "tea", here=[carl], there=[anna])
        _who(ben, "anna ben")
        _who(carl, "carl")
    with target.paragraph("Each room counts for itself"):
        say(anna, "tea, please", [ben], "1 anna: tea, please")
        say(carl, "alone", [], "2 carl: alone")
        say(ben, "for me too", [anna], "2 ben: for me too")
    with target.paragraph("A bad command"):
        for text, answer in (
            ("/join", "error bad room"),
            ("/join a b", "error bad room"),
            ("/join " + "x" * 21, "error bad room"),
            ("/dance", "error unknown command"),
        ):
            carl.send_frame(text)
            carl.expect_frame(answer)
        _who(carl, "carl")
        _who(ben, "anna ben")
    with target.paragraph("Leaving a room by leaving"):
        ben.close()
        _left("ben", [anna])
        say(carl, "still alone", [], "3 carl: still alone")
    with target.paragraph("Two rooms, two directions"):
        _cross(anna, carl)


def _who(member: Peer, names: str) -> None:
    member.send_frame("/who")
    member.expect_frame(f"who {names}")


def _move(member: Peer, room: str, here: Sequence[Peer], there: Sequence[Peer]) -> None:
    member.send_frame(f"/join {room}")
    for each in (member, *there):
        each.expect_frame(f"+ {member.name}")
    _left(member.name, here)


def _cross(anna: Peer, carl: Peer) -> None:
    """Let two members move between two rooms again and again, in opposite directions."""
    for member, rooms in ((anna, ("lobby", "tea")), (carl, ("tea", "lobby"))):
        moves = "".join(f"/join {rooms[number % 2]}|" for number in range(_MOVES * 2))
        member.send(
            b"".join(frame(move.encode()) for move in moves.split("|")[:-1]),
            f"moved {_MOVES * 2} times between two rooms while somebody else moved against them",
        )
    for member in (anna, carl):
        member.send_frame("/who")
        own = 0
        while not (text := member.read_text('the answer to "/who"')).startswith("who "):
            own += text == f"+ {member.name}"
            if text not in {f"{sign} {name}" for sign in "+-" for name in ("anna", "carl")}:
                came = shown(text.encode())
                raise Wrong(f"{member.name} received {came}", 'a notice or the answer to "/who"')
        if own != _MOVES * 2:
            raise Wrong(
                f"{member.name} moved {_MOVES * 2} times and received {own} notices of it",
                "a notice for each move",
            )
    anna.send_frame("/who")  # carl is back in the lobby by now; anna still hears of the last moves
    while (text := anna.read_text('"who anna"')) in ("+ carl", "- carl"):
        pass
    if text != "who anna":
        came = shown(text.encode())
        raise Wrong(f'anna was alone in a room, asked "/who" and received {came}', '"who anna"')
