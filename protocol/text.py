"""The rules for nicks, rooms and texts.

Each function returns what the server would store, or raises ProtocolError with a sentence that
names the rule. A client calls the same functions to say so before it sends.
"""

import re
import unicodedata

from precis_i18n import get_profile

from protocol.errors import Code, ProtocolError

NICK_LIMIT = 32
ROOM_LIMIT = 50
TEXT_LIMIT = 4000
"""Characters (Unicode code points), after normalisation."""

# RFC 8266: the first is what is shown, the second what two nicks are compared by.
_nickname = get_profile("NicknameCasePreserved")
_nickname_key = get_profile("NicknameCaseMapped")

_room_pattern = re.compile(rf"[a-z0-9._-]{{1,{ROOM_LIMIT}}}")

# C0 but for tab and line feed, DEL and C1: they drive terminals. A lone surrogate is no character.
_forbidden_in_text = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def normalize_nick(nick: str) -> str:
    """Return `nick` as the PRECIS Nickname profile shows it (RFC 8266).

    Raises:
        ProtocolError: `bad_nick`.
    """
    try:
        shown: str = _nickname.enforce(nick)
    except UnicodeEncodeError as error:
        raise _bad_nick(nick, f"not a nickname by RFC 8266 ({error.reason})") from None
    if len(shown) > NICK_LIMIT:
        raise _bad_nick(nick, f"it has {len(shown)} characters, at most {NICK_LIMIT} are allowed")
    if any(character.isspace() for character in shown):
        raise _bad_nick(nick, "a nick has no spaces")
    if shown[0] in "#@/":
        raise _bad_nick(nick, "a nick does not begin with #, @ or /")
    return shown


def nick_key(nick: str) -> str:
    """Return what two nicks are compared by: equal keys are the same nick (RFC 8266, 2.4).

    Args:
        nick: as normalize_nick returned it.
    """
    key: str = _nickname_key.enforce(nick)
    return key


def normalize_room(room: str) -> str:
    """Return the name of a room with upper case folded.

    Raises:
        ProtocolError: `bad_room`.
    """
    # Only what folds within ASCII: the Kelvin sign lowers to "k", and is not one.
    name = room.lower() if room.isascii() else room
    if not _room_pattern.fullmatch(name):
        raise ProtocolError(
            Code.BAD_ROOM,
            f"{_shown(room)} cannot be a room: a room's name has 1 to {ROOM_LIMIT} of a-z, 0-9, "
            "'-', '_' and '.'",
        )
    return name


def normalize_text(text: str) -> str:
    """Return `text` in Unicode's composed form (NFC).

    Raises:
        ProtocolError: `bad_text` or `text_too_long`.
    """
    composed = unicodedata.normalize("NFC", text)
    if len(composed) > TEXT_LIMIT:
        raise ProtocolError(
            Code.TEXT_TOO_LONG,
            f"a text has at most {TEXT_LIMIT} characters, this one has {len(composed)}: send it "
            "in parts",
        )
    found = _forbidden_in_text.search(composed)
    if found:
        raise ProtocolError(
            Code.BAD_TEXT,
            f"a text holds no control characters but tab and line feed; this one has "
            f"U+{ord(found[0]):04X} at character {found.start() + 1}",
        )
    if not composed or composed.isspace():
        raise ProtocolError(Code.BAD_TEXT, "a text has at least one character that shows")
    return composed


def _bad_nick(nick: str, reason: str) -> ProtocolError:
    return ProtocolError(Code.BAD_NICK, f"{_shown(nick)} cannot be a nick: {reason}")


def _shown(name: str) -> str:
    """A peer's string, safe and short enough for an error's text."""
    return ascii(name if len(name) <= 60 else name[:59] + "…")
