"""The class list as a page."""

import re
from html.parser import HTMLParser

from lab.exercises.class_list import ClassList
from lab.exercises.class_page import class_page
from lab.exercises.exercise_list import exercise
from lab.exercises.target import Outcome


class Page(HTMLParser):
    """The cells of each row, and whether all that was opened was closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        if tag != "meta":
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        elif data.strip() and "style" not in self.open:
            self.texts.append(data.strip())


def test_the_page() -> None:
    """The table, and what went wrong below it; nothing in it is markup of a student's."""
    steps = [exercise("echo"), exercise("udp")]
    failed = Outcome(False, 'Client <1> did "it" & more.', "A paragraph")
    results = ClassList(
        steps, {"anna <b>": {"echo": Outcome(True), "udp": failed}, "ben": {"udp": Outcome(True)}}
    )
    text = class_page(results)
    page = Page(text)
    assert page.open == []
    assert page.rows == [
        ["student", "1 echo", "udp", "passed"],
        ["anna <b>", "✓", "✗", "1"],
        ["ben", "", "✓", "1"],
    ]
    assert page.texts[-3:] == ["anna <b>", "udp", 'Client <1> did "it" & more.']
    assert page.texts.count("ben") == 0  # nothing of theirs went wrong


def test_the_page_loads_nothing() -> None:
    """It is one file: it has no address in it."""
    page = class_page(ClassList([exercise("echo")], {"anna": {"echo": Outcome(True)}}))
    assert not re.search(r"https?:|src=|url\(|@import|<link|<script", page)
