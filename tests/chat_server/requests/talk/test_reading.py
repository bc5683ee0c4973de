"""Reading back: pages of a room's log, and the search in it."""

import pytest

from tests.chat_server.house import House, seqs, texts, whole_log
from tests.support.peer import Peer


@pytest.fixture
def ada(house: House) -> Peer:
    """Somebody in a room with ten messages."""
    ada = house.enter("ada", "lobby")
    for number in range(1, 11):
        ada.say("lobby", f"line {number}")
    return ada


def test_the_newest_without_before_or_after(ada: Peer) -> None:
    """All ten fit: ascending, and no more behind them."""
    page = ada.page("history", room="lobby")
    assert seqs(page["messages"]) == list(range(1, 11))
    assert page["more"] is False


def test_a_page_has_the_messages_that_were_delivered(ada: Peer) -> None:
    """The same seq, time, sender and text as they went round."""
    delivered = ada.messages(10)
    listed = ada.page("history", room="lobby")["messages"]
    for one, other in zip(delivered, listed, strict=True):
        assert one.items() <= {"type": "message", **other}.items()


@pytest.mark.parametrize(
    ("members", "expected", "more"),
    [
        ({"limit": 3}, [8, 9, 10], True),
        ({"limit": 10}, list(range(1, 11)), False),
        ({"limit": 100}, list(range(1, 11)), False),
        ({"before": 5}, [1, 2, 3, 4], False),
        ({"before": 5, "limit": 2}, [3, 4], True),
        ({"before": 5, "limit": 4}, [1, 2, 3, 4], False),
        ({"before": 1}, [], False),
        ({"before": 99}, list(range(1, 11)), False),
        ({"after": 7}, [8, 9, 10], False),
        ({"after": 0, "limit": 2}, [1, 2], True),
        ({"after": 8, "limit": 2}, [9, 10], False),
        ({"after": 10}, [], False),
        ({"after": 99}, [], False),
    ],
)
def test_a_page_before_or_after_a_seq(
    ada: Peer, members: dict[str, int], expected: list[int], more: bool
) -> None:
    """Ascending seq; `before` takes those next to it, `after` too; `more` says if it goes on."""
    page = ada.page("history", room="lobby", **members)
    assert seqs(page["messages"]) == expected
    assert page["more"] is more


LARGE = [2**31, 2**32, 2**40 - 1, 2**40, 2**40 + 3, 2**41, 2**52, 2**53 - 1]


@pytest.mark.parametrize("number", LARGE, ids=hex)
def test_a_seq_beyond_the_log_is_beyond_it(house: House, number: int) -> None:
    """However large: before it is the whole log of this room and nothing else, after it nothing."""
    ada = house.enter("ada", "first", "second", "third")
    for room in ("first", "second", "third"):
        ada.say(room, f"needle in {room}")
    for room in ("first", "second", "third"):
        whole = [f"needle in {room}"]
        for kind, query in (("history", {}), ("search", {"query": "needle"})):
            page = ada.page(kind, room=room, before=number, **query)
            assert (texts(page["messages"]), page["more"]) == (whole, False)
        assert ada.page("history", room=room, after=number)["messages"] == []
        ok = ada.join(room, after=number)
        assert ok["seq"] == 1
        assert ada.say(room, "live") == 2


def test_pages_are_cut_to_fit_a_frame(house: House) -> None:
    """Twelve messages of 16,000 bytes, four to a page; all of them, both ways."""
    ada = house.enter("ada", "lobby")
    for _ in range(12):
        ada.say("lobby", "🦊" * 4000)
    forward, after = [], 0
    for _ in range(3):
        page = ada.page("history", room="lobby", after=after)
        forward.append(seqs(page["messages"]))
        after = forward[-1][-1]
    assert forward == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]
    assert page["more"] is False
    backward, before = [], 13
    for _ in range(3):
        page = ada.page("history", room="lobby", before=before)
        backward.append(seqs(page["messages"]))
        before = backward[-1][0]
    assert backward == [[9, 10, 11, 12], [5, 6, 7, 8], [1, 2, 3, 4]]
    assert page["more"] is False


@pytest.mark.parametrize(
    "text", ['"' * 4000, "\\" * 4000, "\n" * 3999 + "x", "\u2028" * 3999 + "x"]
)
def test_what_grows_when_it_is_written_still_fits(house: House, text: str) -> None:
    """Escapes take more bytes than characters: a page counts the bytes."""
    ada = house.enter("ada", "lobby")
    for _ in range(20):
        ada.say("lobby", text)
    log = whole_log(ada, "lobby")
    assert seqs(log) == list(range(1, 21))
    assert set(texts(log)) == {text}


def test_a_full_log_is_read_in_pages(house: House) -> None:
    """1,500 short messages with the largest limit: nothing is missing between the pages."""
    ada = house.enter("ada", "lobby")
    ids = [ada.post("say", room="lobby", text=f"{n}") for n in range(1500)]
    for identity in ids:
        assert ada.reply(identity)["type"] == "ok"
    for limit in (7, 1000):
        assert seqs(whole_log(ada, "lobby", limit)) == list(range(1, 1501))


# -- search ---------------------------------------------------------------------------------------


@pytest.fixture
def eva(house: House) -> Peer:
    """Somebody in a room where they spoke of tea."""
    eva = house.enter("eva", "kitchen", "garden")
    for text in ("green tea", "black tea", "Green apples", "tea, green as grass", "coffee"):
        eva.say("kitchen", text)
    eva.say("garden", "green tea in the garden")
    return eva


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("tea", [1, 2, 4]),
        ("green tea", [1, 4]),
        ("tea green", [1, 4]),
        ("GREEN", [1, 3, 4]),
        ("coffee", [5]),
        ("garden", []),
        ("xyzzy", []),
    ],
)
def test_search_finds_messages_with_all_words(eva: Peer, query: str, expected: list[int]) -> None:
    """In any order and case, in this room alone, ascending."""
    page = eva.page("search", room="kitchen", query=query)
    assert seqs(page["messages"]) == expected
    assert page["more"] is False


def test_search_goes_back_in_pages(eva: Peer) -> None:
    """The newest first; `before` goes on from there."""
    page = eva.page("search", room="kitchen", query="tea", limit=2)
    assert (seqs(page["messages"]), page["more"]) == ([2, 4], True)
    page = eva.page("search", room="kitchen", query="tea", limit=2, before=2)
    assert (seqs(page["messages"]), page["more"]) == ([1], False)


HOSTILE_QUERIES = [
    '"', '""', "'", "*", "tea*", "AND", "OR", "NOT tea", "tea AND", "NEAR(", "NEAR(tea green, 2)",
    "text:tea", "-tea", "^tea", "(tea", "tea)", "tea;", "--", "{a b}:c", "\\", "%", "_", "+", "!?",
    "🦊", "a\tb", "x" * 4000, "a " * 1999, '" OR "', "rowid:1", "\u202e.",
]  # fmt: skip


@pytest.mark.parametrize("query", HOSTILE_QUERIES)
def test_a_query_is_words_and_no_language(eva: Peer, query: str) -> None:
    """Whatever it looks like to a database, it is answered with a page."""
    page = eva.page("search", room="kitchen", query=query)
    assert set(seqs(page["messages"])) <= {1, 2, 3, 4, 5}


SPOKEN = [
    "我们明天去东京大学",
    "日本語が好きです",
    "ไปกินข้าวกันไหม",
    "민수야 어디야?",
    "Glückwunsch 🎉🎂",
    "I learn C++ today",
    "a café",
    "C# and F#",
    "Crème brûlée",
    "ＡＢＣ full width",
    "wave 👋🏽 bye",
    "東京tower",
    "हिन्दी में",
    "Тёплый чай",
    "100% sure, x<3 & more",
    "see foo.bar(baz_qux)",
]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        # Anywhere in a run, also one character or two.
        ("东京", [1]), ("京", [1, 12]), ("大学", [1]), ("学大", []), ("本語", [2]), ("です", [2]),
        ("ข้าว", [3]), ("กัน", [3]), ("수야", [4]), ("민수", [4]), ("tower", [12]), ("京to", [12]),
        # Emoji.
        ("🎉", [5]), ("🎂", [5]), ("🎂🎉", []), ("👋", [11]), ("👋🏽", [11]), ("👋🏿", []),
        # Symbols belong to what they stand at.
        ("C++", [6]), ("c++", [6]), ("C#", [8]), ("F#", [8]), ("#", [8]),
        ("<3", [15]), ("100%", [15]),
        # Accents, case and width do not count.
        ("cafe", [7]), ("CAFÉ", [7]), ("creme BRULEE", [9]), ("abc", [10]), ("теплый", [14]),
        ("हिन्दी", [13]), ("में", [13]),
        # A word finds what begins with it, and nothing within another.
        ("learn", [6]), ("lea", [6]), ("earn", []),
        # Other punctuation separates words.
        ("foo.bar", [16]), ("bar(baz", [16]), ("qux", [16]), ("sure,", [15]), ("...", []),
        ("東京 大学", []), ("东京 明天", [1]),
    ],
)  # fmt: skip
def test_search_in_every_script(house: House, query: str, expected: list[int]) -> None:
    """As docs/protocol.md says."""
    ada = house.enter("ada", "lobby")
    for text in SPOKEN:
        ada.say("lobby", text)
    assert seqs(ada.page("search", room="lobby", query=query)["messages"]) == expected


def test_a_topic_is_found(eva: Peer) -> None:
    """It is a message as any other."""
    eva.ok("topic", room="kitchen", topic="歡迎喝茶")
    assert seqs(eva.page("search", room="kitchen", query="茶")["messages"]) == [6]


def test_operators_are_words(eva: Peer) -> None:
    """`tea OR coffee` finds messages with all three words, and there are none."""
    assert eva.page("search", room="kitchen", query="tea OR coffee")["messages"] == []
    eva.say("kitchen", "tea or coffee?")
    assert seqs(eva.page("search", room="kitchen", query="tea OR coffee")["messages"]) == [6]


@pytest.mark.parametrize("query", ["", " ", "\n"])
def test_an_empty_query_is_answered(eva: Peer, query: str) -> None:
    """The protocol leaves open what it finds. It must get a reply and do no harm."""
    reply = eva.request("search", room="kitchen", query=query)
    assert reply["type"] == "page" or reply["code"] in ("bad_text", "bad_request")


def test_found_pages_are_cut_to_fit_a_frame(house: House) -> None:
    """Twelve long messages with the word: four to a page, the newest first."""
    ada = house.enter("ada", "lobby")
    for _ in range(12):
        ada.say("lobby", "needle " + "🦊" * 3990)
    page = ada.page("search", room="lobby", query="needle")
    assert (seqs(page["messages"]), page["more"]) == ([9, 10, 11, 12], True)
    page = ada.page("search", room="lobby", query="needle", before=5)
    assert (seqs(page["messages"]), page["more"]) == ([1, 2, 3, 4], False)


def test_what_is_stored_is_found_at_once(house: House) -> None:
    """`ok` to a say means stored: history has it, whoever asks."""
    ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
    for number in range(20):
        seq = ada.say("lobby", f"n{number}")
        assert texts(eva.page("history", room="lobby", after=seq - 1)["messages"]) == [f"n{number}"]
