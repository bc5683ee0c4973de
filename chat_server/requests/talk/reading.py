"""Reading back what was said: pages of a room's log, and what a search finds in it."""

from msgspec import UNSET

from chat_server.delivery.replies import fitting
from chat_server.requests.context import Caller
from chat_server.requests.membership import oldest_after, readable_room
from chat_server.runtime.errors import STORE_RETRY_AFTER, SearchTooLongError
from chat_server.storage.searching.search_tokens import TOKENS_LIMIT, WORDS_LIMIT, phrases_of
from protocol import messages
from protocol.errors import Code, ProtocolError
from protocol.framing import FRAME_LIMIT
from protocol.messages import Page
from protocol.text import normalize_text

MESSAGES_PER_PAGE = 100
"""How many messages a page has where the client gives no limit."""


def history(caller: Caller, request: messages.History) -> Page:
    """Return a page of a room's log."""
    if request.before is not None and request.after is not None:
        raise ProtocolError(
            Code.BAD_REQUEST, "A history has `before` or `after`, not both: leave one out."
        )
    room = readable_room(caller, request.room)
    limit = request.limit or MESSAGES_PER_PAGE
    if request.after is not None:
        found = caller.context.store.after(room.name, request.after, limit + 1, FRAME_LIMIT)
        shown = fitting(found[:limit])
        oldest = oldest_after(caller, room, request.after)
    else:
        found = caller.context.store.before(room.name, request.before, limit + 1, FRAME_LIMIT)
        shown = fitting(found[-limit:][::-1])[::-1]
        oldest = UNSET if len(found) > len(shown) else oldest_after(caller, room, 0)
    more = len(shown) < len(found)
    return Page(re=request.id, more=more, messages=shown, oldest=oldest)


def search(caller: Caller, request: messages.Search) -> Page:
    """Return the newest messages of a room with all words of the query."""
    room = readable_room(caller, request.room)
    query = normalize_text(request.query)
    phrases = phrases_of(query)
    if len(phrases) > WORDS_LIMIT:
        raise ProtocolError(
            Code.BAD_REQUEST, f"A search is for at most {WORDS_LIMIT} words: leave some out."
        )
    if sum(map(len, phrases)) > TOKENS_LIMIT:
        raise ProtocolError(
            Code.BAD_REQUEST,
            f"A search is for at most {TOKENS_LIMIT} signs of Chinese, Japanese, Thai or the "
            "like, or symbols: leave some out.",
        )
    limit = request.limit or MESSAGES_PER_PAGE
    try:
        found = _found(caller, room.name, query, request.before, limit + 1)
    except SearchTooLongError as error:
        raise ProtocolError(
            Code.UNAVAILABLE,
            "The search takes too long: search for longer words, or try again later.",
            retry_after=STORE_RETRY_AFTER,
        ) from error
    shown = fitting(found[-limit:][::-1])[::-1]
    return Page(re=request.id, more=len(shown) < len(found), messages=shown)


def _found(
    caller: Caller, room: str, query: str, before: int | None, limit: int
) -> list[messages.Message]:
    """Search a room, in turn with others who search; for nobody, if the caller has gone."""
    caller.pause()
    with caller.context.searches.place(caller.outbox) as has_place:
        if not has_place:
            return []
        return caller.context.store.search(room, query, before, limit, FRAME_LIMIT)
