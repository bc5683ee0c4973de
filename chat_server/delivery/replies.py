"""What replies have in common, whoever gives them."""

from typing import TypeVar

from msgspec import UNSET

from chat_server.runtime.errors import STORE_RETRY_AFTER
from protocol.errors import Code, ProtocolError
from protocol.framing import FRAME_LIMIT
from protocol.messages import Error, encoded_size

Item = TypeVar("Item")

_PAGE_OVERHEAD = 256
"""What a page takes besides its items."""


def fitting(items: list[Item]) -> list[Item]:
    """Return as many of `items`, from the first, as fit one page."""
    space = FRAME_LIMIT - _PAGE_OVERHEAD
    for count, item in enumerate(items):
        space -= encoded_size(item) + 1
        if space < 0:
            return items[:count]
    return items


def refusal(re: int | None, error: ProtocolError) -> Error:
    """Return `error` as the reply to a request."""
    return error_event(re, error.code, error.text, error.retry_after)


def error_event(re: int | None, code: Code, text: str, retry_after: float | None) -> Error:
    """Return why a request was refused, or why a connection ends.

    Args:
        re: the id of the request; None if it is about none.
        code: the reason.
        text: a sentence for the person.
        retry_after: seconds after which trying again may help; None if it will not.
    """
    wait = UNSET if retry_after is None else retry_after
    return Error(re=re, code=code, text=text, retry_after=wait)


def unavailable() -> ProtocolError:
    """Return the refusal of what could not be written just now."""
    return ProtocolError(
        Code.UNAVAILABLE,
        "The server cannot write its store just now; not all of this is kept.",
        retry_after=STORE_RETRY_AFTER,
    )
