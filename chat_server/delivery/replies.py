"""What replies have in common, whoever gives them."""

from typing import TypeVar

from msgspec import UNSET

from chat_server.runtime.errors import STORE_RETRY_AFTER
from protocol.errors import Code, ProtocolError
from protocol.framing import FRAME_LIMIT
from protocol.messages import Error, encoded_size

Item = TypeVar("Item")

# What a page takes besides its items.
_PAGE_OVERHEAD = 256


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
    wait = UNSET if error.retry_after is None else error.retry_after
    return Error(re=re, code=error.code, text=error.text, retry_after=wait)


def unavailable() -> ProtocolError:
    """Return the refusal of what could not be written just now."""
    return ProtocolError(
        Code.UNAVAILABLE,
        "The server cannot write its store just now; not all of this is kept.",
        retry_after=STORE_RETRY_AFTER,
    )
