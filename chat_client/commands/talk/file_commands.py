"""Commands for files: offer one in the room, fetch one that was offered."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chat_client.api.files import name_of
from chat_client.api.room import Room
from chat_client.commands.command import Command, Talk, Typed
from chat_client.commands.in_charge.board_commands import numbered
from chat_client.display.transfers import Transfer
from chat_client.errors import ChatError, Closed, CommandError
from protocol.file_names import shown_size
from protocol.messages import Message


def _send(talk: Talk, typed: Typed) -> None:
    room = typed.here(talk)
    path = Path(typed.needed()).expanduser()
    if not path.is_file():
        raise CommandError(f"{path} is no file")
    _beside(talk, lambda: _pass_on(talk, room, path))


def _pass_on(talk: Talk, room: Room, path: Path) -> None:
    with _shown(talk, Transfer("sending", path.name, path.stat().st_size)) as transfer:
        seq = room.send_file(path, transfer.advance)
    talk.note(f"{path.name} is offered as {seq}")


def _get(talk: Talk, typed: Typed) -> None:
    room = typed.here(talk)
    number, _, wanted = typed.needed().partition(" ")
    message = numbered(room, number, typed)
    if message.kind != "file":
        raise CommandError(f"message {message.seq} offers no file")
    path = Path(wanted.strip()).expanduser() if wanted.strip() else Path(name_of(message))
    if path.is_dir():
        path = path / name_of(message)
    _beside(talk, lambda: _take(talk, room, message, path))


def _take(talk: Talk, room: Room, message: Message, path: Path) -> None:
    with _shown(talk, Transfer("fetching", path.name, message.size)) as transfer:
        room.fetch_file(message, path, transfer.advance)
    talk.note(f"{path} is here, {shown_size(message.size)}, as it was offered")


@contextmanager
def _shown(talk: Talk, transfer: Transfer) -> Iterator[Transfer]:
    """Show in the status line how far a file is, as long as the block runs."""

    def begin() -> Iterator[str]:
        talk.view.transfers.append(transfer)
        return iter(())

    def end() -> Iterator[str]:
        talk.view.transfers.remove(transfer)
        return iter(())

    talk.post(begin)
    try:
        yield transfer
    finally:
        talk.post(end)


def _beside(talk: Talk, do: Callable[[], None]) -> None:
    """Do what takes long on a thread of its own, so that the user can talk meanwhile.

    The thread ends with the program: what was on its way goes on when it is asked for again.
    """

    def run() -> None:
        try:
            do()
        except Closed:  # the chat has said why
            return
        except (ChatError, OSError) as error:
            talk.post(talk.lines.error(str(error)))

    threading.Thread(target=run, name="chat-client transfer", daemon=True).start()


COMMANDS = (
    Command(
        "send",
        "FILE",
        "offer a file in the room, for others to fetch; again, it goes on where it broke off",
        "talk",
        _send,
        asks=True,
    ),
    Command(
        "get",
        "N [FILE]",
        "fetch the file that message N offers; again, it goes on where it broke off",
        "read",
        _get,
        asks=True,
    ),
)
