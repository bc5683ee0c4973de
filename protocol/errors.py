"""The one exception of the protocol, and the codes that an error or a goodbye carries."""

from collections.abc import Callable
from enum import StrEnum


class Code(StrEnum):
    """Why a request was refused or a connection closed: `code` in `error` and `goodbye`."""

    # Fatal: the connection ends after the error.
    BAD_FRAME = "bad_frame"
    FRAME_TOO_LARGE = "frame_too_large"
    HELLO_REQUIRED = "hello_required"
    HELLO_TIMEOUT = "hello_timeout"
    UNSUPPORTED_VERSION = "unsupported_version"
    BAD_PASSWORD = "bad_password"
    SERVER_FULL = "server_full"
    BANNED = "banned"
    IDLE_TIMEOUT = "idle_timeout"
    FLOODING = "flooding"
    INTERNAL = "internal"

    # In `goodbye` alone: nobody's mistake.
    SHUTTING_DOWN = "shutting_down"
    REPLACED = "replaced"
    KICKED = "kicked"
    BYE = "bye"

    # Not fatal: the request is refused, the connection lives on.
    BAD_REQUEST = "bad_request"
    BAD_NICK = "bad_nick"
    NICK_IN_USE = "nick_in_use"
    BAD_ROOM = "bad_room"
    NOT_IN_ROOM = "not_in_room"
    NO_SUCH_NICK = "no_such_nick"
    NO_SUCH_ROOM = "no_such_room"
    NO_SUCH_MESSAGE = "no_such_message"
    BAD_TEXT = "bad_text"
    TEXT_TOO_LONG = "text_too_long"
    RATE_LIMITED = "rate_limited"
    TOO_MANY_ROOMS = "too_many_rooms"
    FORBIDDEN = "forbidden"
    MUTED = "muted"
    UNAVAILABLE = "unavailable"


FATAL = frozenset(
    {
        Code.BAD_FRAME,
        Code.FRAME_TOO_LARGE,
        Code.HELLO_REQUIRED,
        Code.HELLO_TIMEOUT,
        Code.UNSUPPORTED_VERSION,
        Code.BAD_PASSWORD,
        Code.SERVER_FULL,
        Code.BANNED,
        Code.IDLE_TIMEOUT,
        Code.FLOODING,
        Code.INTERNAL,
    }
)


TEXT_LIMIT = 300
"""Characters of the text of an error. What it quotes may be as long as a frame."""

_KEPT_AT_END = 100


def shortened(text: str, limit: int = TEXT_LIMIT) -> str:
    """Return `text` in at most `limit` characters, with `…` for what is left out of its middle.

    An error quotes what the peer sent. The beginning says which rule was broken, the end often
    where.
    """
    if len(text) <= limit:
        return text
    end = min(_KEPT_AT_END, limit // 3)
    return f"{text[: limit - end - 1]}…{text[len(text) - end :]}"


class ProtocolError(Exception):
    """A rule of the protocol was broken by whoever sent the bytes, the name or the text.

    Attributes:
        code: which rule.
        text: a sentence for a person, of at most TEXT_LIMIT characters; a longer one is shortened.
        re: the id of the request that broke it, or None where none could be read.
        retry_after: seconds to wait before the same would be accepted, or None where waiting
            does not help.
    """

    def __init__(
        self, code: Code, text: str, *, re: int | None = None, retry_after: float | None = None
    ) -> None:
        self.code = code
        self.text = shortened(text)
        super().__init__(f"{code}: {self.text}")
        self.re = re
        self.retry_after = retry_after

    @property
    def fatal(self) -> bool:
        """Whether the connection must end."""
        return self.code in FATAL


def value_check(normalize: Callable[[str], str]) -> Callable[[str], str]:
    """Return a function like `normalize` that raises ValueError instead of ProtocolError.

    For settings and command lines, where a mistake is not a peer's.
    """

    def check(value: str) -> str:
        try:
            return normalize(value)
        except ProtocolError as error:
            raise ValueError(error.text) from None

    return check
