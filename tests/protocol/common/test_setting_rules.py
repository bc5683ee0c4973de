"""The rules for values: what each reads, what it refuses, what it writes."""

from pathlib import Path
from typing import Any

import pytest

from protocol.common.setting_rules import (
    Rule,
    many,
    one_of,
    or_none,
    path,
    path_or_none,
    rate,
    seconds,
    switch,
    text,
    whole,
)


@pytest.mark.parametrize(
    ("rule", "given", "value", "written"),
    [
        (whole("n"), "5", 5, 5),
        (whole("n", 0, 9), 0, 0, 0),
        (rate("r"), "0.5", 0.5, 0.5),
        (seconds("t"), "90", 90.0, "90s"),
        (seconds("t"), "1h30m", 5400.0, "90m"),
        (seconds("t"), 2.5, 2.5, "2.5s"),
        (or_none(whole("n")), "none", None, "none"),
        (or_none(whole("n")), "5", 5, 5),
        (one_of("auto", "off"), "auto", "auto", "auto"),
        (one_of("auto", "off"), False, "off", "off"),
        (switch(), "Yes", True, True),
        (switch(), "0", False, False),
        (text(str.upper), "a", "A", "A"),
        (path(), "/tmp/x", Path("/tmp/x"), "/tmp/x"),
        (path_or_none(), "", None, ""),
        (many(int, "N"), ["1", "", "2"], (1, 2), ["1", "2"]),
        (many(str, "HOST", needed=True), [""], ("",), [""]),
    ],
)
def test_what_is_read_and_written(rule: Rule[Any], given: Any, value: Any, written: Any) -> None:
    """What is written is read back as the same."""
    assert rule.read(given) == value
    assert rule.write(value) == written
    assert rule.read(rule.write(value)) == value


@pytest.mark.parametrize(
    ("rule", "given", "says"),
    [
        (whole("a port", 0, 65535), "65536", "a port is a number from 0 to 65535, not '65536'"),
        (whole("a limit"), True, "a limit is a number from 1 on, not True"),
        (whole("a limit"), "9" * 400, "a limit is a number from 1 on"),
        (rate("a rate"), "0", "a rate is a number above 0, not '0'"),
        (seconds("patience"), "0", "patience is so many seconds, or a time such as 30s"),
        (seconds("patience"), "4000d", "of at most 3650d, not '4000d'"),
        (or_none(whole("a limit")), "-1", "not '-1'; 'none' is no limit"),
        (one_of("a", "b"), ["a"], "['a'] is none of a, b"),
        (switch(), 1, "this is true or false, not 1"),
        (text(str), 5, "this is a text, in quotes, not 5"),
        (path(), "a\0b", "this is the path of a file or a folder"),
        (path(), "~nobody-of-that-name/x", "is in the folder of nobody on this machine"),
        (many(str, "HOST", needed=True), [], "there must be at least one"),
        (many(str, "HOST"), [5], "each of these is a text, in quotes, not 5"),
    ],
)
def test_what_is_refused(rule: Rule[Any], given: Any, says: str) -> None:
    """With the rule and the value."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the text is compared below
        rule.read(given)
    assert says in str(refused.value)
