"""A file's name stays in its folder, whatever somebody else chose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.file_names import NAME_LIMIT, safe_file_name, shown_size


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("notes.pdf", "notes.pdf"),
        ("Prüfung 1 – Lösung.pdf", "Prüfung 1 – Lösung.pdf"),
        ("../../etc/passwd", "passwd"),
        (r"..\..\windows\system32\cmd.exe", "cmd.exe"),
        ("/etc/cron.d/x", "x"),
        ("..", "file"),
        (".bashrc", "bashrc"),
        ("a/", "file"),
        ("", "file"),
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("a\x00b\x1b[31m\n.txt", "ab[31m.txt"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("c:evil?.txt", "cevil.txt"),
        ("x. . .", "x"),
        ("x" * 300 + ".pdf", "x" * 96 + ".pdf"),
    ],
)
def test_a_name_is_mended(name: str, safe: str) -> None:
    """Its last part is left, without what does harm."""
    assert safe_file_name(name) == safe


@given(st.text(max_size=300))
def test_no_name_leaves_its_folder(name: str) -> None:
    """And a name that is safe is left as it is."""
    safe = safe_file_name(name)
    assert 1 <= len(safe) <= NAME_LIMIT
    assert not set(safe) & set("/\\\0\n:")
    assert not safe.startswith(".")
    assert safe_file_name(safe) == safe


@pytest.mark.parametrize(
    ("size", "shown"),
    [(1, "1 B"), (999, "999 B"), (1500, "1.5 kB"), (999_999, "1.0 MB"), (50_000_000, "50 MB")],
)
def test_a_size_is_for_a_person(size: int, shown: str) -> None:
    """In powers of ten, as disks are sold."""
    assert shown_size(size) == shown
