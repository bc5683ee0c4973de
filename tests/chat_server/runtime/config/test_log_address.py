"""Where logs can be said to be kept."""

import pytest

from chat_server.runtime.config.log_address import LogAddress, log_address

RULE = log_address()


@pytest.mark.parametrize(
    ("written", "meant", "again"),
    [
        ("redis://localhost", LogAddress("localhost", 6379, 0), "redis://localhost:6379/0"),
        ("redis://10.0.0.7:6380/2", LogAddress("10.0.0.7", 6380, 2), "redis://10.0.0.7:6380/2"),
        (
            "rediss://ada@[fd00::7]/",
            LogAddress("fd00::7", 6379, 0, "ada", tls=True),
            "rediss://ada@[fd00::7]:6379/0",
        ),
        ("unix:///run/r.sock?db=3", LogAddress("", 0, 3, path="/run/r.sock"), None),
        (
            "redis+sentinel://one:26380,two,[fd00::7]:7/chat.1/2",
            LogAddress(
                "",
                0,
                2,
                sentinels=(("one", 26380), ("two", 26379), ("fd00::7", 7)),
                service="chat.1",
            ),
            "redis+sentinel://one:26380,two:26379,[fd00::7]:7/chat.1/2",
        ),
        (
            "redis+cluster://one,[fd00::7]:7/",
            LogAddress("", 0, 0, nodes=(("one", 6379), ("fd00::7", 7))),
            "redis+cluster://one:6379,[fd00::7]:7",
        ),
        (
            "rediss+sentinel://ada@one/chat",
            LogAddress("", 0, 0, "ada", tls=True, sentinels=(("one", 26379),), service="chat"),
            "rediss+sentinel://ada@one:26379/chat/0",
        ),
        ("unix:///run/r.sock", LogAddress("", 0, 0, path="/run/r.sock"), "unix:///run/r.sock?db=0"),
    ],
)
def test_an_address(written: str, meant: LogAddress, again: str | None) -> None:
    """Is read, and written in full."""
    assert RULE.read(written) == meant
    assert RULE.write(meant) == (again or written)


@pytest.mark.parametrize("nothing", ["", "sqlite"])
def test_sqlite(nothing: str) -> None:
    """Is what there is without one."""
    assert RULE.read(nothing) is None
    assert RULE.write(None) == "sqlite"


@pytest.mark.parametrize(
    "wrong",
    [
        "redis",
        "http://localhost",
        "redis://",
        "redis://localhost:x/0",
        "redis://localhost/first",
        "redis://localhost/0?timeout=3",
        "unix:///run/r.sock?x=1",
        "unix://relative?db=0",
        "redis://[::1/0",
        "redis+sentinel://one:26379",
        "redis+sentinel://one:26379/",
        "redis+sentinel://one,/chat",
        "redis+sentinel://one:x/chat",
        "redis+sentinel://one/chat/first",
        "redis+sentinel://one/chat/0?quorum=2",
        "sentinel://one/chat",
        "redis+cluster://",
        "redis+cluster://one/1",
        "redis+cluster://one,two?x=1",
        7,
    ],
)
def test_what_is_none(wrong: object) -> None:
    """The forms are named."""
    with pytest.raises(ValueError, match="redis://HOST:PORT/0"):
        RULE.read(wrong)


@pytest.mark.parametrize("where", ["redis://:hush@localhost/0", "redis+sentinel://a:hush@one/chat"])
def test_a_password_is_not_taken(where: str) -> None:
    """It would be on the list of processes; nor is it repeated."""
    with pytest.raises(ValueError, match="log_password_file") as caught:
        RULE.read(where)
    assert "hush" not in str(caught.value)
