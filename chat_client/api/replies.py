"""Checks on both ends of a request: of what is asked, and of what a server replied."""

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
    """Apply one of the protocol's rules before the server has to.

    Raises:
        Refused: `text` breaks it.
    """
    try:
        return rule(text)
    except ProtocolError as error:
        raise Refused(error.code, error.text) from None


def room_named(name: str) -> str:
    """Return a room's name as the server writes it; people write `#` before it.

    Raises:
        Refused: no room has such a name.
    """
    return checked(normalize_room, name.removeprefix("#"))


# The server is not trusted to have sent what belongs there.


def page_of(reply: Reply) -> Page:
    """Return a reply that is to be a page.

    Raises:
        ChatError: it is none.
    """
    if isinstance(reply, Page):
        return reply
    raise ChatError("the server broke the protocol: its reply is no page")


def seq_of(reply: Reply) -> int:
    """Return the seq in a reply; 0 if the message was stored and is deleted by now.

    Raises:
        ChatError: there is neither.
    """
    if isinstance(reply, Ok) and isinstance(reply.seq, int):
        return reply.seq
    if isinstance(reply, Ok) and reply.gone is True:
        return 0
    raise ChatError("the server broke the protocol: its reply lacks the seq")


def given(items: Sequence[Item] | UnsetType) -> Sequence[Item]:
    """Return the items of a page, of which there may be none."""
    return () if isinstance(items, UnsetType) else items


def goes_on(page: Page, after: Name | None, last: Name, count: int) -> bool:
    """Whether there is another page to be asked for, of a list whose entries ascend.

    A list that goes round, or has no end, is left at that: the server may mean us harm.

    Args:
        page: the one that came.
        after: what the page was to begin behind; None for the first.
        last: the last entry of the page.
        count: how many entries there are so far.
    """
    return page.more and count < LONGEST_LIST and (after is None or last > after)
