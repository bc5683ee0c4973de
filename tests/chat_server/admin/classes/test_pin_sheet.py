"""The sheet with the PINs."""

from html.parser import HTMLParser

from chat_server.admin.classes.class_file import ClassRow
from chat_server.admin.classes.pin_sheet import pin_sheet

HOSTILE = "<script>alert(1)</script>\u202e"


class Reader(HTMLParser):
    """Notes the texts and the tags."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.tags.append(tag)
        assert not any(name.startswith("on") or name in ("src", "href") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        """Note it."""
        self.texts.append(data)


def test_each_person_has_a_card() -> None:
    """With name, nick, PIN, the page, and its QR code; nothing is fetched from anywhere."""
    rows = [ClassRow(1, "Ana & Co", "ana", "12345678"), ClassRow(2, HOSTILE, "ben", HOSTILE)]
    reader = Reader()
    reader.feed("\n".join(pin_sheet(HOSTILE, rows, "http://10.0.0.7:7878/")))
    assert reader.tags.count("svg") == 2
    assert "script" not in reader.tags
    for text in ("Ana & Co", "ana", "12345678", "ben"):
        assert text in reader.texts
    assert reader.texts.count("http://10.0.0.7:7878/") == 2
    assert "\u202e" not in "".join(reader.texts)
