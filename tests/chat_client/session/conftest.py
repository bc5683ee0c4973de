"""What the tests of a session stand on."""

import pytest

from chat_client.session import reader as reader_module


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reconnect at once, for tests that are not about the delays."""
    monkeypatch.setattr(reader_module, "_FIRST_DELAY", 0.0)
