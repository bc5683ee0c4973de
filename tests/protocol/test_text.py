"""The rules for nicks, rooms and texts, and that applying them twice changes nothing."""

# Over 500 lines, most of which are examples: the module has one test file.

import string
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from precis_i18n import get_profile

from protocol.errors import Code, ProtocolError
from protocol.text import (
    MARKS_LIMIT,
    NICK_LIMIT,
    PASSWORD_LIMIT,
    REASON_LIMIT,
    ROOM_LIMIT,
    TEXT_LIMIT,
    looks_like_address,
    nick_key,
    nick_skeleton,
    normalize_account,
    normalize_nick,
    normalize_password,
    normalize_reason,
    normalize_room,
    normalize_text,
    normalize_topic,
)
from tests.protocol.attempts import attempt, refuse

surrogates = st.characters(categories=["Cs"])
any_text = st.text(st.characters() | surrogates, max_size=40)
letters = st.text(st.characters(categories=["L", "M", "N"]), min_size=1, max_size=NICK_LIMIT)


# -- nicks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "nick",
    ["a", "Ada", "ada_lovelace", "łukasz", "李小龍", "x" * NICK_LIMIT, "a#b@c/d", "90210", "🦊"],
)
def test_a_good_nick_stays_as_it_is(nick: str) -> None:
    """1 to 32 characters, any script; # @ / only not in front."""
    assert normalize_nick(nick) == nick


@pytest.mark.parametrize(
    "nick",
    [
        "",
        " ",
        "   ",
        "a b",
        "a\u00a0b",
        "a\u3000b",
        "#a",
        "@a",
        "/a",
        "x" * (NICK_LIMIT + 1),
        "a\nb",
        "a\x00b",
        "a\x1b[2Jb",
        "a\x7fb",
        "a\x9bb",
        "\ud800",
        "a\udfffb",
        "a\u202eb",
        "a\u200bb",
        "\uff03a",
        "\uff20a",
        "\uff0fa",
        "\u2800",
        "a\u2800b",
    ],
)
def test_a_bad_nick_is_refused(nick: str) -> None:
    """Spaces inside, control characters, a leading # @ / (full-width ones too), the length."""
    assert refuse(normalize_nick, nick).code == Code.BAD_NICK


@pytest.mark.parametrize(
    "nick",
    [
        "10.0.0.7",
        "\uff11.0.0.7",
        "10.1.0.0/16",
        "10.1.0.0/33",
        "10.0.0.256",
        "10.0.0.7/x",
        "::",
        "::1",
        "fe80::1%eth0",
        "fe80::/10",
        "fe80::/129",
        "[::1]",
        "::ffff:10.0.0.7",
        "1::2::3",
        "DEAD::BEEF",
    ],
)
def test_an_address_is_no_nick(nick: str) -> None:
    """A network and a mistyped address are no nicks, either: a moderator would mean the address."""
    assert "address" in refuse(normalize_nick, nick).text


@pytest.mark.parametrize(
    "nick",
    ["10.0.0", "1.2.3.4.5", "v1.2.3.4", "dead:beef", "std::vector", "a/b", "90210", "10.0.0.x"],
)
def test_what_merely_reminds_of_an_address_is_a_nick(nick: str) -> None:
    """Nobody could ban it as an address."""
    assert normalize_nick(nick) == nick


@pytest.mark.parametrize("nick", ["", " ", "\t"])
def test_no_nick_is_told_in_words(nick: str) -> None:
    """The first thing that people try needs no RFC."""
    assert refuse(normalize_nick, nick).text.endswith(
        "cannot be a nick: a nick has 1 to 32 characters"
    )


@pytest.mark.parametrize(
    ("nick", "shown"),
    [("\uff21da", "Ada"), ("e\u0301va", "éva"), (" ada ", "ada"), ("ﬁfi", "fifi")],
)
def test_a_nick_is_shown_as_the_profile_shows_it(nick: str, shown: str) -> None:
    """RFC 8266, 2.3: spaces around it go, and NFKC composes and narrows."""
    assert normalize_nick(nick) == shown


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ada", "aDA"), ("ÉVA", "e\u0301va"), ("\uff21\uff44\uff41", "ada"), ("ΣΑΣ", "σας")],
)
def test_nicks_that_compare_equal_have_one_key(one: str, other: str) -> None:
    """RFC 8266, 2.4: case, composition and width make no difference."""
    assert nick_key(normalize_nick(one)) == nick_key(normalize_nick(other))


def test_different_nicks_have_different_keys() -> None:
    """A key does not confuse what a person tells apart."""
    keys = {nick_key(normalize_nick(nick)) for nick in ("ada", "adam", "eva", "éva", "аda")}
    assert len(keys) == 5


@given(any_text)
def test_any_nick_is_good_or_refused(nick: str) -> None:
    """Nothing but bad_nick is raised, and what is returned keeps every rule."""
    shown = attempt(normalize_nick, nick)
    if isinstance(shown, ProtocolError):
        assert shown.code == Code.BAD_NICK
        assert shown.text.encode("utf-8")
        return
    assert 1 <= len(shown) <= NICK_LIMIT
    assert shown[0] not in "#@/"
    assert not any(character.isspace() for character in shown)
    shown.encode("utf-8")


@given(any_text | letters)
@example("Ⓐ")
@example("ϓ\u0301")
def test_normalising_a_nick_twice_is_normalising_it_once(nick: str) -> None:
    """What the server gives back in `welcome` is what it would give back again."""
    shown = attempt(normalize_nick, nick)
    if isinstance(shown, str):
        assert normalize_nick(shown) == shown


@given(any_text | letters)
@example("Ⓐ")
@example("ϓ\u0301")
@example("İ")
def test_a_key_belongs_to_every_good_nick(nick: str) -> None:
    """The key of a good nick exists, and is its own key."""
    shown = attempt(normalize_nick, nick)
    if isinstance(shown, str):
        key = nick_key(shown)
        assert nick_key(key) == key


# -- what nicks look like -------------------------------------------------------------------------

INVISIBLE = [
    "\u00ad",
    "\u034f",
    "\u061c",
    "\u115f",
    "\u1160",
    "\u17b4",
    "\u180e",
    "\u200b",
    "\u200e",
    "\u200f",
    "\u202d",
    "\u2060",
    "\u2064",
    "\u2066",
    "\u3164",
    "\ufe0f",
    "\ufeff",
    "\uffa0",
    "\U000e0001",
    "\U000e0061",
    "\U000e0100",
]


@pytest.mark.parametrize("sign", INVISIBLE, ids=lambda sign: f"U+{ord(sign):04X}")
def test_what_does_not_show_is_no_part_of_a_nick(sign: str) -> None:
    """Zero-width characters, fillers, directions, tags: wherever they stand."""
    for nick in (f"{sign}ada", f"a{sign}da", f"ada{sign}"):
        assert refuse(normalize_nick, nick).code == Code.BAD_NICK


NEARLY_BLANK = ["\u2d7f", "\U0001107f", "\U00011a47", "\U00016fe4", "\U0001d159", "\u0336"]


@pytest.mark.parametrize("sign", NEARLY_BLANK, ids=lambda sign: f"U+{ord(sign):04X}")
def test_what_nearly_does_not_show_is_no_nick(sign: str) -> None:
    """Joiners, fillers, a note without a head, accents with nothing to stand on."""
    for nick in (sign, sign * 3):
        assert refuse(normalize_nick, nick).code == Code.BAD_NICK


ON_LATIN = ["\u1039", "\u17d2", "\uaaf6", "\U00011a99", "\u0e3a", "\U0001d165", "\ufffc"]
"""Joiners and marks of scripts that have nothing to join to a Latin letter, and a placeholder."""


@pytest.mark.parametrize("sign", ["\u2d7f", "\U00016fe4", "\U0001d159", *ON_LATIN])
def test_a_blank_sign_makes_no_other_nick(sign: str) -> None:
    """A reader would take it for the nick without the sign."""
    for nick in (f"ada{sign}", f"ada{2 * sign}", f"a{sign}da"):
        assert nick_skeleton(nick) == nick_skeleton("ada")


def test_marks_show_on_letters_of_their_own_script() -> None:
    """And accents on Latin letters, whatever letter they came with."""
    nicks = ["\u0e01", "\u0e01\u0e34", "a", "\u00e4", "a\u0331", "\u0915", "\u0915\u093f"]
    assert len({nick_skeleton(normalize_nick(nick)) for nick in nicks}) == len(nicks)


@pytest.mark.parametrize(
    ("real", "fake"),
    [
        ("ada", "\u0430d\u0430"),  # Cyrillic
        ("Ada", "\u0391da"),  # Greek
        ("MAX", "\u041c\u0410\u0425"),
        ("peter", "\u0440\u0435t\u0435r"),
        ("lisa", "Lis\u0430"),
        ("Ian", "lan"),
        ("\u0406van", "lvan"),
        ("student1", "studentl"),
        ("student1", "studentI"),
        ("bob", "b0b"),
        ("\u0456ra", "ira"),
        ("tim", "ti\u0307m"),
        ("jean-luc", "jean\u2010luc"),
        ("ada", "\u1d00\u1d05\u1d00"),  # small capitals
        ("oo", "\u0585\u043e"),  # Armenian and Cyrillic
        ("\u0451\u0436", "\u00eb\u0436"),  # a Latin e with two dots among Cyrillic letters
    ],
)
def test_look_alikes_have_one_skeleton(real: str, fake: str) -> None:
    """Both are good nicks, and not the same: that they look alike is all."""
    one, other = normalize_nick(real), normalize_nick(fake)
    assert nick_key(one) != nick_key(other) or one.lower() == other.lower()
    assert nick_skeleton(one) == nick_skeleton(other)


def test_who_can_be_told_apart_has_another_skeleton() -> None:
    """An accent shows; so does what is said with other letters."""
    nicks = [
        "ada",
        "adá",
        "adam",
        "eva",
        "éva",
        "max",
        "жук",
        "n1",
        "n2",
        "n10",
        "ada_",
        "ada-",
        "_ada",
        "a.da",
        "🦊",
        "李",
        "lan",
        "ann",
        "mia",
        "mla",
    ]
    assert len({nick_skeleton(normalize_nick(nick)) for nick in nicks}) == len(nicks)


def test_a_joiner_in_a_script_that_knows_it_makes_no_other_nick() -> None:
    """RFC 5892 allows it after a virama, where it may change nothing that shows."""
    with_joiner = normalize_nick("\u0915\u094d\u200d\u0937")
    assert nick_skeleton(with_joiner) == nick_skeleton("\u0915\u094d\u0937")


@given(any_text | letters)
@example("\u0130")
@example("\u03d3\u0301")
def test_a_skeleton_belongs_to_every_good_nick(nick: str) -> None:
    """It is there, shows something, and is in lower case."""
    shown = attempt(normalize_nick, nick)
    if isinstance(shown, str):
        skeleton = nick_skeleton(shown)
        assert skeleton.strip()
        assert skeleton == skeleton.casefold()


@given(st.text("abcdefghijkmnopqrstuvwxyz23456789-_.", min_size=1, max_size=NICK_LIMIT))
def test_plain_nicks_are_their_own_skeletons(nick: str) -> None:
    """Nobody is in the way of anybody who merely spells alike; l, 0 and 1 apart."""
    assert nick_skeleton(nick) == nick


@given(st.data())
def test_any_letters_replaced_by_look_alikes_leave_the_skeleton(data: st.DataObject) -> None:
    """However many of them, at whatever place."""
    twins = {
        "a": "\u0430\u03b1\u1d00",
        "c": "\u0441",
        "e": "\u0435\u03b5",
        "i": "\u0456\u03b9",
        "o": "\u043e\u03bf0",
        "p": "\u0440\u03c1",
        "s": "\u0455",
        "x": "\u0445",
        "y": "\u0443",
        "-": "\u2011\u2013\u2212",
    }
    nick = data.draw(st.text("".join(twins), min_size=1, max_size=10))
    fake = "".join(data.draw(st.sampled_from([sign, *twins[sign]])) for sign in nick)
    assert nick_skeleton(normalize_nick(fake)) == nick_skeleton(nick)


# -- rooms ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("room", "name"),
    [("lobby", "lobby"), ("Lobby", "lobby"), ("A.b-C_9", "a.b-c_9"), ("x" * 50, "x" * 50)],
)
def test_a_room_is_folded_to_lower_case(room: str, name: str) -> None:
    """1 to 50 of lower-case letters, digits, - _ and . ; upper case is folded."""
    assert normalize_room(room) == name


@pytest.mark.parametrize(
    "room",
    [
        "",
        " ",
        "a b",
        "#lobby",
        "lobby\n",
        "\nlobby",
        "é",
        "x" * (ROOM_LIMIT + 1),
        "a/b",
        "a\x00",
        "\u212a",
        "ſ",
        "\uff41",
        "\ud800",
        "١",
    ],
)
def test_a_bad_room_is_refused(room: str) -> None:
    """What is no ASCII letter does not become one by folding (the Kelvin sign, the long s)."""
    assert refuse(normalize_room, room).code == Code.BAD_ROOM


@given(any_text | st.text("aZ09-_. \n\u212a", max_size=60))
def test_any_room_is_good_or_refused(room: str) -> None:
    """Nothing but bad_room is raised; a good name is its own normal form."""
    name = attempt(normalize_room, room)
    if isinstance(name, ProtocolError):
        assert name.code == Code.BAD_ROOM
        assert name.text.encode("utf-8")
        return
    assert 1 <= len(name) <= ROOM_LIMIT
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_.")
    assert normalize_room(name) == name


# -- texts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["a", " a ", "a\n\tb", "\n.", "x" * TEXT_LIMIT, "🦊" * TEXT_LIMIT])
def test_a_good_text_stays_as_it_is(text: str) -> None:
    """Characters are counted, not bytes, and white space around them stays."""
    assert normalize_text(text) == text


def test_a_text_is_composed() -> None:
    """NFC, and the length is counted after it."""
    assert normalize_text("e\u0301") == "é"
    assert normalize_text("e\u0301" * TEXT_LIMIT) == "é" * TEXT_LIMIT


def test_a_text_can_grow_over_the_limit_by_composing() -> None:
    """NFC makes some characters longer (U+0958 becomes two): what is stored is what counts."""
    assert refuse(normalize_text, "\u0958" * TEXT_LIMIT).code == Code.TEXT_TOO_LONG


def test_one_character_too_many_is_too_long() -> None:
    """4,000 is the most."""
    assert refuse(normalize_text, "x" * (TEXT_LIMIT + 1)).code == Code.TEXT_TOO_LONG


NOTHING = [
    "",
    " ",
    "\n\t ",
    "\u2003\u3000\u00a0",
    "\u200b",
    "\u2800",
    "\ufeff",
    "\u2060",
    "\u00ad",
    "\u200d\u200c",
    "\u202e",
    "\U000e0001\U000e0061\U000e007f",
    "\u115f",
    "\u3164",
    "\uffa0",
    "\ufe0f",
    "\u034f",
    "\U000e0100",
    "\u180e",
    "\u200b \u2800\n\ufeff",
]


@pytest.mark.parametrize("text", NOTHING, ids=ascii)
def test_a_text_that_shows_nothing_is_refused(text: str) -> None:
    """At least one character is neither white space nor a format character, nor a filler."""
    assert refuse(normalize_text, text).code == Code.BAD_TEXT
    assert refuse(normalize_reason, text).code == Code.BAD_TEXT
    assert refuse(normalize_nick, text).code == Code.BAD_NICK


@pytest.mark.parametrize("text", ["\u200ba", "\ufe0f\u2764", "\u0301", "\U0001fae8", "\ue000"])
def test_a_text_that_shows_something_is_none_of_those(text: str) -> None:
    """Also behind what does not show; and what is not known to this Python is taken to show."""
    assert normalize_text(text) == text


def test_a_topic_may_be_empty() -> None:
    """And otherwise is a text."""
    assert normalize_topic("") == ""
    assert normalize_topic("e\u0301") == "é"
    assert refuse(normalize_topic, " ").code == Code.BAD_TEXT


CONTROLS = [chr(n) for n in (*range(0x20), *range(0x7F, 0xA0)) if chr(n) not in "\n\t"]


@pytest.mark.parametrize("control", CONTROLS, ids=lambda c: f"U+{ord(c):04X}")
def test_a_control_character_is_refused(control: str) -> None:
    """C0 except line feed and tab, DEL, and C1 control terminals."""
    assert refuse(normalize_text, f"a{control}b").code == Code.BAD_TEXT


@pytest.mark.parametrize("code_point", [0xD800, 0xDBFF, 0xDC00, 0xDFFF])
def test_a_lone_surrogate_is_refused(code_point: int) -> None:
    """It is no character and cannot be sent to anybody."""
    assert refuse(normalize_text, "a" + chr(code_point)).code == Code.BAD_TEXT


@given(any_text)
def test_any_text_is_good_or_refused(text: str) -> None:
    """Nothing but bad_text is raised (these are short); a good text is its own normal form."""
    stored = attempt(normalize_text, text)
    if isinstance(stored, ProtocolError):
        assert stored.code == Code.BAD_TEXT
        return
    assert stored == unicodedata.normalize("NFC", text)
    assert normalize_text(stored) == stored
    assert stored.strip()
    stored.encode("utf-8")


# -- reasons and passwords ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reason", ["a\nb", "a\tb", "a\u2028b", "a\u202eb", "a\u2066b", "a\x1bb", "", " "]
)
def test_a_reason_is_one_line(reason: str) -> None:
    """It stands in a list and in a log, among others."""
    assert refuse(normalize_reason, reason).code == Code.BAD_TEXT


def test_a_reason_is_short() -> None:
    """200 characters, without the spaces around them."""
    assert normalize_reason(" " + "x" * REASON_LIMIT + " ") == "x" * REASON_LIMIT
    assert refuse(normalize_reason, "x" * (REASON_LIMIT + 1)).code == Code.TEXT_TOO_LONG


@pytest.mark.parametrize(
    "password",
    ["", "1234567", "x" * (PASSWORD_LIMIT + 1), "12345678\n", "1234567\x00", "1234567\ud800"],
)
def test_a_bad_password_is_refused_without_being_repeated(password: str) -> None:
    """8 to 200 characters, none of them a control character."""
    error = refuse(normalize_password, password)
    assert error.code == Code.BAD_TEXT
    assert not password or ascii(password)[1:-1] not in error.text


def test_a_password_is_the_same_on_two_keyboards() -> None:
    """Composed or not, whatever kind of space; but case and spaces around it count."""
    assert normalize_password("cafe\u0301\u00a0noir") == "caf\u00e9 noir"
    assert normalize_password(" Passwort ") == " Passwort "


@given(any_text)
def test_any_password_is_good_or_refused(password: str) -> None:
    """Nothing but bad_text is raised; a good one is its own normal form."""
    compared = attempt(normalize_password, password)
    if isinstance(compared, ProtocolError):
        assert compared.code == Code.BAD_TEXT
        return
    assert normalize_password(compared) == compared


@pytest.mark.parametrize(
    "nick",
    [
        *(
            "ana@",
            "\u0303@ana",
            "~ana",
            "&ana",
            "%ana",
            "\u223cana",
            "\u301cana",
        ),
        *(
            "\u2605ana",
            "ana\u2606",
            "a\u272ab",
            "\U0001f451ana",
            "\u2714ana",
            "ana\u2705",
            "\u066dana",
        ),
        *("\U0001f6e1ana", "ana\U0001f396", "\u2654ana", "\u221aana"),
    ],
)
def test_no_nick_looks_like_that_of_who_is_in_charge(nick: str) -> None:
    """Neither by an @, nor by what IRC knows, nor by a star, a crown, a shield or a check mark."""
    with pytest.raises(ProtocolError) as caught:
        normalize_nick(nick)
    assert caught.value.code == Code.BAD_NICK
    assert "looks like the mark" in caught.value.text


@pytest.mark.parametrize(
    "nick", ["c++", "+1", "+ana", "a@b", "fox\U0001f98a", "\ud0b9", "ana-1", "*", "ana~"]
)
def test_what_looks_like_no_mark_is_a_nick(nick: str) -> None:
    """Such signs elsewhere, other pictures, and a letter whose name says king."""
    assert normalize_nick(nick) == nick


def test_an_account_of_before_can_still_be_named() -> None:
    """To remove it, or to name it in a ban."""
    assert normalize_account("\u2605ana") == "\u2605ana"


@given(st.text(string.ascii_letters + string.digits, min_size=1, max_size=NICK_LIMIT))
def test_a_plain_nick_is_what_the_profiles_make_of_it(nick: str) -> None:
    """ASCII letters and digits are not handed to PRECIS, which takes long for them, too."""
    assert normalize_nick(nick) == get_profile("NicknameCasePreserved").enforce(nick)
    assert normalize_account(nick) == nick
    assert not looks_like_address(nick)
    assert nick_skeleton(nick).isalnum(), "no mark of who is in charge"
    assert nick_key(nick) == get_profile("NicknameCaseMapped").enforce(nick)


@given(st.text(string.printable, min_size=1))
def test_an_ascii_text_stays_as_it_is_or_is_refused(text: str) -> None:
    """Refused if it is blank, or has other control characters than tab and line feed."""
    if text.isspace() or any(sign in "\r\x0b\x0c" for sign in text):
        with pytest.raises(ProtocolError):
            normalize_text(text)
    else:
        assert normalize_text(text) == text


marked = st.text(st.sampled_from("a\u00e4\u0301\u0328\u0f73\u2003\u4e2d\U0001f600"), min_size=1)


@given(marked)
@example("a" + "\u0301" * MARKS_LIMIT)
@example("a" + "\u0301" * (MARKS_LIMIT + 1))
@example("a" + "\u0f73" * (MARKS_LIMIT + 1))
@example("\u0301" * MARKS_LIMIT + "a" + "\u0301" * MARKS_LIMIT)
def test_so_many_marks_in_a_row(text: str) -> None:
    """As many as the longest row has, and not as many as there are."""
    row = longest = 0
    for sign in text:
        row = row + 1 if unicodedata.combining(sign) or sign == "\u0f73" else 0
        longest = max(longest, row)
    refused = attempt(normalize_text, text)
    is_for_marks = isinstance(refused, ProtocolError) and "accents and marks" in refused.text
    assert is_for_marks == (longest > MARKS_LIMIT)
