"""Files of a room: offering one, and fetching one that was offered."""

import hashlib
import os
from pathlib import Path
from urllib.parse import unquote

from msgspec import UNSET

from chat_client.api.replies import seq_of
from chat_client.errors import ChatError
from chat_client.session.session import Session
from chat_client.transport.web import Progress, TransferError, get, put
from protocol.file_names import safe_file_name
from protocol.messages import Message, Offer, Ok, Share


def send(session: Session, room: str, path: Path, progress: Progress) -> int:
    """Send a file to the server, and offer it in a room. Return the seq of the offer.

    Sent again after it was broken off, it goes on from there.

    Raises:
        OSError: the file cannot be read.
        Refused: `forbidden`, `unavailable`, `muted`, ...
        TransferError: it was broken off.
        Closed: the chat is over.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if not size:
            raise TransferError(f"{path} is empty")
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        name = safe_file_name(path.name)
        reply = session.request(lambda id: Offer(id, room, name, size, sha256))
        if not isinstance(reply, Ok) or reply.upload is UNSET or reply.file is UNSET:
            raise ChatError("the server broke the protocol: its reply names no upload")
        have = reply.have if isinstance(reply.have, int) else 0
        put(session.address, reply.upload, file, min(max(have, 0), size), size, progress)
    number = reply.file
    return seq_of(session.request(lambda id: Share(id, room, number)))


def name_of(message: Message) -> str:
    """Return what an offered file is called: a name that cannot leave its folder."""
    return safe_file_name(unquote(message.file.rpartition("/")[2]))


def fetch(session: Session, message: Message, path: Path, progress: Progress) -> None:
    """Fetch a file that was offered, and see that its SHA-256 is right.

    It is written as `path` with `.part` behind its name, and gets its name when it is whole. If it
    is broken off, the next call goes on from there.

    Args:
        session: on the server that has it.
        message: the offer, of kind `file`.
        path: where to write it: a name that is not there yet.
        progress: is told how many bytes are there.

    Raises:
        FileExistsError: `path` is there.
        OSError: it cannot be written.
        TransferError: it was broken off, or is no longer there, or is not what was offered.
    """
    if not message.file.startswith("/files/"):
        raise TransferError(f"message {message.seq} offers no file")
    if os.path.lexists(path):
        raise FileExistsError(f"{path} is there already")
    part = path.with_name(f"{path.name}.part")
    with part.open("a+b") as file:
        get(session.address, message.file, file, message.size, message.sha256, progress)
    part.rename(path)
