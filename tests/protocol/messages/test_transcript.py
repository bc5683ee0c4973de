"""A room as a page in HTML."""

from collections.abc import Iterable
from html.parser import HTMLParser
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from protocol.messages import Message
from protocol.messages.transcript import transcript_html

HOSTILE = "</pre></span><script>alert(1)</script><img src=x onerror=y>\u202e\x1b&amp;"


def message(seq: int, kind: str, text: str, **marks: Any) -> Message:
    """Something that ana said."""
    return Message("lobby", seq, 1_795_168_800.0 + seq, "ana", kind, text, **marks)


def page(messages: Iterable[Message], room: str = "lobby") -> str:
    """The page of a room; all is said on one day."""
    return "\n".join(
        transcript_html(room, messages, lambda _: "a day", lambda at: f"{at % 60:.0f}")
    )


class Reader(HTMLParser):
    """Notes what a browser would make of it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it. Nothing is fetched or run."""
        self.tags.append(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            assert name not in ("src", "style")
            assert name != "href" or (value or "").startswith("#m")

    def handle_data(self, data: str) -> None:
        """Note it."""
        self.text += data


def read(document: str) -> Reader:
    """What a browser reads."""
    reader = Reader()
    reader.feed(document)
    reader.close()
    return reader


def test_what_was_said() -> None:
    """Each kind, one under the other, under its day."""
    said = [
        message(1, "text", "hello\nworld"),
        message(2, "action", "waves"),
        message(3, "topic", "tea"),
        message(4, "topic", ""),
        message(5, "notice", "read this"),
        message(6, "poll", "Is it? yes 3, no 1"),
        message(7, "code", "if x:\n    y()"),
    ]
    text = read(page(said)).text
    for shown in (
        "ana: hello\nworld",
        "ana waves",
        "ana set the topic: tea",
        "ana cleared the topic",
        "ana: read this",
        "ana: Is it? yes 3, no 1",
        "if x:\n    y()",
    ):
        assert shown in text
    assert page(said).count("<h2>") == 1


def test_what_was_changed() -> None:
    """The latest state, who changed it, and a way there; nothing of what was deleted."""
    said = [
        message(1, "text", "hello again", edited=True, role="owner", bot=True),
        message(2, "text", "(deleted)", deleted=True),
        message(3, "edit", "hello again", changes=1),
        message(4, "edit", "gone with it", changes=2, deleted=True),
        message(5, "delete", "deleted message 2", changes=2),
        message(6, "text", "yes", reply_to=1),
    ]
    document = page(said)
    text = read(document).text
    for shown in (
        "ana owner bot edited: hello again",
        "ana: (deleted)",
        "ana edited message 1: hello again",
        "ana edited message 2\n",
        "ana deleted message 2\n",
        "ana in reply to 1: yes",
    ):
        assert shown in text
    assert "gone with it" not in document
    assert document.count('href="#m1"') == 2
    assert 'id="m1"' in document


def test_an_empty_room() -> None:
    """Is a page, too."""
    assert "Nothing was said." in read(page([])).text


@given(st.text(), st.text(), st.text())
def test_nothing_gets_out_of_its_place(room: str, kind: str, text: str) -> None:
    """Whatever a room, a kind or a text is: it is a text on the page."""
    for hostile in (text, HOSTILE):
        said = [
            message(1, kind, hostile),
            message(2, "code", hostile),
            message(3, "topic", hostile),
        ]
        reader = read(page(said, room + hostile))
        assert set(reader.tags) <= {
            *("html", "head", "meta", "title", "style", "body", "h1", "h2"),
            *("ol", "li", "time", "b", "span", "a", "pre"),
        }
        assert not {"\u202e", "\x1b"} & set(reader.text)
