"""What a script learns from the exit code."""

import pytest

from chat_client.config.exit_codes import NOT_LET_IN, NOT_SAID, ended_by_server
from protocol.errors import Code


@pytest.mark.parametrize("code", [*Code, "a code of a later version", None])
def test_only_who_is_banned_was_not_let_in(code: str | None) -> None:
    """It tells a script not to try again."""
    assert ended_by_server(code) == (NOT_LET_IN if code == "banned" else NOT_SAID)
