"""The rules for nicks, rooms and texts.

Each function returns what the server would store, or raises ProtocolError with a sentence that
names the rule. A client calls the same functions to say so before it sends.
"""

import re
import unicodedata
from functools import lru_cache

from precis_i18n import get_profile

from protocol.common.unsafe_characters import CONTROLS, DIRECTIONS, HALVES, MARKS, SEPARATORS
from protocol.errors import Code, ProtocolError, shortened

NICK_LIMIT = 32
ROOM_LIMIT = 50
TEXT_LIMIT = 4000
REASON_LIMIT = 200
QUESTION_LIMIT = 300
OPTION_LIMIT = 100
PASSWORD_SHORTEST = 8
PASSWORD_LIMIT = 200
"""Characters (Unicode code points), after normalisation."""
MARKS_LIMIT = 30
"""Accents and other marks in a row: more than any language needs (UAX #15, 13)."""

_nickname = get_profile("NicknameCasePreserved")
_nickname_key = get_profile("NicknameCaseMapped")
"""RFC 8266: the first is what is shown, the second what two nicks are compared by."""

_opaque = get_profile("OpaqueString")
"""RFC 8265: what is typed on two keyboards is one password."""

_invisible = re.compile("[\u200c\u200d]")
"""RFC 5892 lets these stand between the letters of some scripts, where they do not show."""

_second_dot = re.compile("(?<=[ij])\u0307")
"""A dot above a letter that has one."""

_dash = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")

_PARTS = 4
"""No character is composed of more than so many: what is longer by more need not be composed."""

_room_pattern = re.compile(rf"[a-z0-9._-]{{1,{ROOM_LIMIT}}}")

_DOUBLE_MARKS = "\u0f73\u0f75\u0f81"
"""These are two marks each, and not marked as such."""

_MARK = b"\x01"
_IS_MARK = bytes([0, *_MARK * 255])
"""By the canonical combining class of a character (UAX #44), which is 0 for what is no mark."""

_forbidden_in_text = re.compile(f"[{CONTROLS}{HALVES}]")
_forbidden_in_line = re.compile(rf"[\t\n{SEPARATORS}{DIRECTIONS}{MARKS}]")
"""A reason is one line, and must not change how the rest of that line reads."""

_blank = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\ufff0-\ufff8\U000e0000-\U000e0fff"
    "\u2d7f\ufffc\U0001107f\U00011a47\U00013441\U00013442\U00016fe4\U0001d159]"
)
"""What is neither white space nor a format character, and shows as little: fillers, the selectors
of variants, and what is reserved for such (Default_Ignorable_Code_Point; UAX #44). Then signs that
fonts draw as nothing: joiners and fillers of some scripts, a note without a head, blank
hieroglyphs.
"""

_address = re.compile(
    r"\[?(?:[0-9]+(?:\.[0-9]+){3}|(?=[^:]*:[^:]*:)[0-9a-f:.]+)\]?(?:[/%].*)?",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
"""What reads as an address or a network, also one with a mistake in it. Whoever is named in an act
of a moderator may be either: so no nick may look like one.
"""

_DISGUISES = frozenset(
    (
        *("CANADIAN", "CARIAN", "CHEROKEE", "COPTIC", "DESERET", "GOTHIC", "LISU", "LYCIAN"),
        *("LYDIAN", "OGHAM", "OLD", "OSAGE", "OSMANYA", "RUNIC", "TIFINAGH", "VAI", "WARANG"),
    )
)
"""Scripts with letters just like Latin ones that no keyboard in a school has, but every generator
of funny nicks; by the first words of their letters' names.
"""

_RANKS = ("~", "&", "%", "〜")
"""What stands before the nicks of those in charge on other IRC networks, besides the @."""

_BADGES = frozenset(
    (
        *("STAR", "STARRED", "STARS", "ASTERISK", "ASTERISM", "SPARKLE", "SPARKLES", "CROWN"),
        *("SHIELD", "CHECK", "MEDAL", "BADGE", "ROSETTE", "TROPHY", "KING", "QUEEN", "POLICE"),
        *("COMMERCIAL", "FLEUR-DE-LIS", "TRIDENT", "KEY", "SHAMROCK", "ROOT", "TILDE", "SWUNG"),
    )
)
"""Words of the names of signs that look like a mark: stars, crowns, shields, check marks."""

_LOOK_ALIKES = str.maketrans(
    dict(
        pair
        for signs, letters in (
            # Cyrillic
            ("АВЕЅЈКМНОРСТУХҮԚԜѴԌ", "ABESJKMHOPCTYXYQWVG"),
            ("авеѕіјкмнорстухүһԁԛԝѵьгп", "abesijkmhopctyxyhdqwvbrn"),
            # Greek
            ("ΑΒΕΖΗΚΜΝΟΡΤΥΧ", "ABEZHKMNOPTYX"),
            ("αβγεζηικνορστυχω", "abyeznikvopotuxw"),
            # Armenian
            ("ՏՍՕգզհյոսցօ", "SUOqqhjnugo"),
            # Latin, of other languages and of the phonetic alphabet
            ("ıȷɑɡɩɪʀʏɴʜʙɢʟᴀᴄᴅᴇᴊᴋᴍᴏᴘᴛᴜᴠᴡᴢ", "ijagiirynhbglacdejkmoptuvwz"),
            # A capital I, in any alphabet, and the digit are taken for a small L
            ("IІӀΙӏ1|∣ǀ", "lllllllll"),
            ("0", "o"),
        )
        for pair in zip(signs, letters, strict=True)
    )
)
"""Signs that look like Latin letters, or nearly, in the fonts that terminals and browsers have. A
small part of Unicode's table (UTS #39): the alphabets that a keyboard in a school may write, and
what is passed around as funny letters. What decomposes into letters (full width, mathematical, in
circles) needs no line here.
"""


def normalize_nick(nick: str) -> str:
    """Return `nick` as the PRECIS Nickname profile shows it (RFC 8266).

    Raises:
        ProtocolError: `bad_nick`.
    """
    if _is_plain(nick) and len(nick) <= NICK_LIMIT:  # nearly always: no rule refuses it
        return nick
    shown = normalize_account(nick)
    if looks_like_address(shown):
        raise _bad_nick(nick, "it reads as an address or a network, which a nick must not")
    if _looks_in_charge(shown):
        raise _bad_nick(nick, "it has a sign that looks like the mark of who is in charge")
    return shown


def normalize_account(nick: str) -> str:
    """Return the name of an account: a nick, or what was one when the account was made.

    Earlier versions took addresses for nicks. Nobody can be called that any more, but such an
    account can still be named, to remove it.

    Raises:
        ProtocolError: `bad_nick`.
    """
    if not nick.strip():
        raise _bad_nick(nick, f"a nick has 1 to {NICK_LIMIT} characters")
    # The profile looks at every character by itself, and one may stand for 18: what is too long
    # has to be refused before.
    if (
        len(nick) > _PARTS * NICK_LIMIT
        or len(unicodedata.normalize("NFKC", nick).strip()) > NICK_LIMIT
    ):
        raise _bad_nick(nick, f"at most {NICK_LIMIT} characters are allowed")
    shown = nick if _is_plain(nick) else _enforced(nick)
    if len(shown) > NICK_LIMIT:
        raise _bad_nick(nick, f"it has {len(shown)} characters, at most {NICK_LIMIT} are allowed")
    if any(character.isspace() or character == "\u2800" for character in shown):
        raise _bad_nick(nick, "a nick has no spaces")
    if shown[0] in "#@/":
        raise _bad_nick(nick, "a nick does not begin with #, @ or /")
    if _mixes_scripts(shown):
        raise _bad_nick(nick, "it mixes Latin letters with signs that only look like such")
    if not _shows(_without_marks(shown)):
        raise _bad_nick(nick, "a nick has at least one character that shows")
    return shown


def _is_plain(nick: str) -> bool:
    """Whether a nick is made of ASCII letters and digits. PRECIS changes only the case of those."""
    return nick.isascii() and nick.isalnum()


def _enforced(nick: str) -> str:
    """Return a nick by the profile. Raises ProtocolError."""
    try:
        shown: str = _nickname.enforce(nick)
    except UnicodeEncodeError as error:
        raise _bad_nick(nick, f"not a nickname by RFC 8266 ({error.reason})") from None
    return shown


def looks_like_address(name: str) -> bool:
    """Return whether `name` reads as an IP address or a network, right or with a mistake in it."""
    return _address.fullmatch(name) is not None


# It takes 5 to 30 µs for a nick, and whoever comes in is looked for in several places.
@lru_cache(maxsize=1024)
def nick_key(nick: str) -> str:
    """Return what two nicks are compared by: equal keys are the same nick (RFC 8266, 2.4).

    Args:
        nick: as normalize_nick returned it.
    """
    if _is_plain(nick):
        return nick.lower()
    key: str = _nickname_key.enforce(nick)
    return key


@lru_cache(maxsize=1024)
def nick_skeleton(nick: str) -> str:
    """Return what `nick` looks like: who reads two nicks with one skeleton may confuse them.

    Letters of other alphabets stand as the Latin ones that they look like, in lower case, and what
    does not show is gone. It is for comparing alone: it need not be a nick, nor be shown. Two nicks
    that are the same by nick_key may have different skeletons: compare by both.

    Args:
        nick: as normalize_nick returned it.
    """
    decomposed = unicodedata.normalize("NFKD", _blank.sub("", _invisible.sub("", nick)))
    straight = _dash.sub("-", decomposed).translate(_LOOK_ALIKES).casefold()
    return _second_dot.sub("", unicodedata.normalize("NFKD", _without_strange_marks(straight)))


def _without_strange_marks(text: str) -> str:
    """Return `text` without the marks of other scripts that stand on a Latin letter or a digit.

    Joiners and vowel signs of Khmer, Burmese and so on have nothing to join there: fonts draw
    nothing, or next to it. The names of accents for Latin letters begin with COMBINING.
    """
    if text.isascii():
        return text
    kept = ""
    for sign in text:
        is_mark = unicodedata.category(sign)[0] == "M"
        if not (is_mark and kept[-1:].isascii() and kept and _is_strange(sign)):
            kept += sign
    return kept


def _is_strange(mark: str) -> bool:
    return not unicodedata.name(mark, "").startswith("COMBINING ")


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
    if len(text) > _PARTS * TEXT_LIMIT:
        raise _too_long(len(text))
    if text.isascii() and text.isprintable() and not text.isspace() and 0 < len(text) <= TEXT_LIMIT:
        return text  # most texts: all that follows holds, and changes nothing
    if _has_too_many_marks(text):
        raise ProtocolError(Code.BAD_TEXT, f"a letter has at most {MARKS_LIMIT} accents and marks")
    composed = unicodedata.normalize("NFC", text)
    if len(composed) > TEXT_LIMIT:
        raise _too_long(len(composed))
    found = _forbidden_in_text.search(composed)
    if found:
        raise ProtocolError(
            Code.BAD_TEXT,
            f"a text holds no control characters but tab and line feed; this one has "
            f"U+{ord(found[0]):04X} at character {found.start() + 1}",
        )
    if not _shows(composed):
        raise ProtocolError(Code.BAD_TEXT, "a text has at least one character that shows")
    return composed


def normalize_topic(topic: str) -> str:
    """Return a room's topic: a text, or nothing, which clears it.

    Raises:
        ProtocolError: `bad_text` or `text_too_long`.
    """
    return normalize_text(topic) if topic else ""


def normalize_reason(reason: str) -> str:
    """Return the reason for an act, which stands in one line: of a list, of a log.

    Raises:
        ProtocolError: `bad_text` or `text_too_long`.
    """
    return _normalize_line(reason, "a reason", REASON_LIMIT)


def normalize_question(question: str) -> str:
    """Return a question, of a hand or of a poll, which stands in one line.

    Raises:
        ProtocolError: `bad_text` or `text_too_long`.
    """
    return _normalize_line(question, "a question", QUESTION_LIMIT)


def normalize_option(option: str) -> str:
    """Return what may be voted for in a poll, which stands in one line.

    Raises:
        ProtocolError: `bad_text` or `text_too_long`.
    """
    return _normalize_line(option, "an option", OPTION_LIMIT)


def _normalize_line(text: str, what: str, limit: int) -> str:
    composed = normalize_text(text).strip()
    if len(composed) > limit:
        raise ProtocolError(
            Code.TEXT_TOO_LONG,
            f"{what} has at most {limit} characters, this one has {len(composed)}",
        )
    found = _forbidden_in_line.search(composed)
    if found:
        raise ProtocolError(
            Code.BAD_TEXT,
            f"{what} is one line of text; this one has U+{ord(found[0]):04X} at character "
            f"{found.start() + 1}",
        )
    return composed


def normalize_password(password: str) -> str:
    """Return the password of an account as it is compared (PRECIS OpaqueString, RFC 8265).

    Raises:
        ProtocolError: `bad_text`. Its text says nothing of the password but how long it is.
    """
    if len(password) > _PARTS * PASSWORD_LIMIT:  # before it is looked at character by character
        raise _bad_password_length(len(password))
    try:
        compared: str = _opaque.enforce(password)
    except UnicodeEncodeError as error:
        raise ProtocolError(
            Code.BAD_TEXT, f"this cannot be a password by RFC 8265 ({error.reason})"
        ) from None
    if not PASSWORD_SHORTEST <= len(compared) <= PASSWORD_LIMIT:
        raise _bad_password_length(len(compared))
    return compared


def _shows(text: str) -> bool:
    """Whether at least one character of `text` can be seen: the first, nearly always."""
    return any(
        not sign.isspace() and unicodedata.category(sign) != "Cf" and not _blank.match(sign)
        for sign in text
    )


def _without_marks(nick: str) -> str:
    """The nick without accents and such: a mark alone has nothing to stand on."""
    if nick.isascii():
        return nick
    return "".join(sign for sign in nick if unicodedata.category(sign) not in ("Mn", "Me"))


def _looks_in_charge(nick: str) -> bool:
    """Whether a nick looks like one that is marked: clients put `@` or a badge beside those of
    moderators and owners, and IRC knows other marks that stand before a nick.
    """
    bare = "".join(sign for sign in nick_skeleton(nick) if unicodedata.category(sign)[0] != "M")
    if bare[:1] in _RANKS or bare[:1] == "@" or bare[-1:] == "@":
        return True
    if nick.isascii():
        return False
    signs = [sign for sign in nick if not sign.isascii() and not sign.isalnum()]
    words = {word for sign in signs for word in unicodedata.name(sign, "").split()}
    return not words.isdisjoint(_BADGES)


def _mixes_scripts(nick: str) -> bool:
    """Whether there are Latin letters among those of a script that hardly anybody writes, and that
    has some just like them: whoever does that wants to be taken for somebody else.
    """
    if nick.isascii():
        return False
    scripts = {unicodedata.name(sign, "").partition(" ")[0] for sign in nick if sign.isalpha()}
    return "LATIN" in scripts and not scripts.isdisjoint(_DISGUISES)


def _too_long(length: int) -> ProtocolError:
    return ProtocolError(
        Code.TEXT_TOO_LONG,
        f"a text has at most {TEXT_LIMIT} characters, this one has {length}: send it in parts",
    )


def _bad_password_length(length: int) -> ProtocolError:
    return ProtocolError(
        Code.BAD_TEXT,
        f"a password has {PASSWORD_SHORTEST} to {PASSWORD_LIMIT} characters, this one has {length}",
    )


def _has_too_many_marks(text: str) -> bool:
    """Whether there are more marks in a row than can be put in order in no time.

    The time grows with the square of their number, and nothing else runs meanwhile: a frame full
    of marks took two seconds. This looks at each character once, and in C.
    """
    if text.isascii():
        return False
    for each in _DOUBLE_MARKS:
        text = text.replace(each, "\u0f71")
    classes = bytes(map(unicodedata.combining, text))
    return _MARK * (MARKS_LIMIT + 1) in classes.translate(_IS_MARK)


def _bad_nick(nick: str, reason: str) -> ProtocolError:
    return ProtocolError(Code.BAD_NICK, f"{_shown(nick)} cannot be a nick: {reason}")


def _shown(name: str) -> str:
    """A peer's string, safe and short enough for an error's text."""
    return ascii(shortened(name, 60))
