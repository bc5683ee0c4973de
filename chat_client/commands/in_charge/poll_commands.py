"""Commands for polls: ask a room, vote, see the votes, and take the results along as CSV."""

from datetime import UTC, datetime
from pathlib import Path

from msgspec import UnsetType

from chat_client.commands.command import Command, Talk, Typed
from chat_client.display.poll_text import bars
from chat_client.display.text import one_line
from chat_client.errors import CommandError
from chat_client.files.new_file import write_new
from protocol.messages import PollChange
from protocol.messages.poll_table import poll_csv
from protocol.turns import read_choice, read_poll

_END = "end"
_CSV = "csv"


def _poll(talk: Talk, typed: Typed) -> None:
    room = typed.here(talk)
    word, _, rest = typed.argument.partition(" ")
    if not typed.argument:
        talk.post(lambda: _shown(talk, room.name))
    elif typed.argument == _END:
        room.end_poll()
    elif word == _CSV:
        _write(talk, typed, rest.strip())
    else:
        named, wanted = read_poll(typed.argument)
        if wanted is None:
            raise CommandError(
                f"a poll has a question and two options or more: type {typed.command.usage}"
            )
        room.poll(*wanted, named=named)


def _vote(talk: Talk, typed: Typed) -> None:
    room = typed.here(talk)
    number = typed.needed()
    choice = read_choice(number)
    if choice is None:
        raise CommandError(f"{one_line(number)!r} is no number of an option: type /vote 2")
    room.vote(choice)
    talk.note("you have voted; /vote with another number changes it")


def _shown(talk: Talk, room: str) -> list[str]:
    """Return the lines for the poll that is open."""
    view = talk.view.rooms.get(room)
    poll = None if view is None else view.poll
    if poll is None:
        return [talk.lines.system("no poll is open; /poll Is it? yes | no asks one")]
    title = talk.lines.system(f"{poll.by} asks: {poll.question}")
    return [title, *(talk.lines.indented(one_line(line)) for line in _listed(poll))]


def _listed(poll: PollChange) -> list[str]:
    if isinstance(poll.counts, UnsetType):
        return [f"{number}. {option}" for number, option in enumerate(poll.options, 1)]
    return [*bars(poll.options, poll.counts), "/poll end ends it, and shows this to all"]


def _write(talk: Talk, typed: Typed, name: str) -> None:
    if not name:
        raise CommandError(f"a name of a file is missing: type /poll {_CSV} FILE")
    results = typed.here(talk).poll_results()
    if not results:
        raise CommandError("no poll has ended in this room")
    path = Path(name).expanduser()
    write_new(path, "".join(f"{line}\r\n" for line in poll_csv(results, _utc)))
    what = "1 poll is" if len(results) == 1 else f"{len(results)} polls are"
    talk.note(f"{what} in {path}")


def _utc(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):  # a server that breaks the rules
        return ""


COMMANDS = (
    Command(
        "poll",
        "[--named] QUESTION? YES | NO ...",
        "ask the room; without a question, show the poll; /poll end ends it; /poll csv FILE",
        "talk",
        _poll,
        asks=True,
    ),
    Command("vote", "NUMBER", "vote in the poll, or change your vote", "talk", _vote, asks=True),
)
