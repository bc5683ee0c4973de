"""Checks of requests before they are sent, and of the server's replies."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from msgspec import UnsetType

from chat_client.errors import ChatError, Refused
from chat_client.session.pending import Reply
from protocol.errors import ProtocolError
from protocol.messages import Ok, Page
from protocol.text import normalize_room

Item = TypeVar("Item")
Name = TypeVar("Name", int, str)

LONGEST_LIST = 100_000
"""Entries of a list after which no further page is asked for."""


def checked(rule: Callable[[str], str], text: str) -> str:
    """Apply a rule of the protocol before the request is sent.

    Raises:
        Refused: `text` breaks it.
    """
    try:
        return rule(text)
    except ProtocolError as error:
        raise Refused(error.code, error.text) from None


def room_named(name: str) -> str:
    """Return a room's name as the server writes it. A `#` before it is dropped.

    Raises:
        Refused: no room has such a name.
    """
    return checked(normalize_room, name.removeprefix("#"))


# The client does not trust the server to send what the protocol says.


def page_of(reply: Reply) -> Page:
    """Return a reply that has to be a page.

    Raises:
        ChatError: it is no page.
    """
    if isinstance(reply, Page):
        return reply
    raise ChatError("the server broke the protocol: its reply is no page")


def seq_of(reply: Reply) -> int:
    """Return the seq in a reply; 0 if the message was stored and has been deleted.

    Raises:
        ChatError: the reply says neither.
    """
    if isinstance(reply, Ok) and isinstance(reply.seq, int):
        return reply.seq
    if isinstance(reply, Ok) and reply.gone is True:
        return 0
    raise ChatError("the server broke the protocol: its reply lacks the seq")


def given(items: Sequence[Item] | UnsetType) -> Sequence[Item]:
    """Return the items of a page; an empty sequence if it has none."""
    return () if isinstance(items, UnsetType) else items


def goes_on(page: Page, after: Name | None, last: Name, count: int) -> bool:
    """Return whether to ask for another page of a list whose entries ascend.

    A list whose entries do not ascend, or that has no end, ends here: the server may be hostile.

    Args:
        page: the page that came.
        after: the entry that the page was asked to begin behind; None for the first page.
        last: the last entry of the page.
        count: the number of entries so far.
    """
    return page.more and count < LONGEST_LIST and (after is None or last > after)
