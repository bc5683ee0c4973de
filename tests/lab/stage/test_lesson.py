"""A lesson is read from its folder."""

from pathlib import Path

from lab.lessons.catalogue import lesson


def test_its_parts() -> None:
    """Title and summary are the first two paragraphs of its text."""
    found = lesson("lost-update")
    assert (found.number, found.title) == (5, "The lost update")
    assert found.summary == "Two threads number messages, and two messages get the same number."
    assert found.path(found.servers[0]) == Path(found.folder) / "broken.py"
    assert found.beside is not None
    assert lesson("deadlock").beside is None
