"""What the tests of the terminal stand on."""

from collections.abc import Iterator

import pytest

from tests.chat_client.programs import Terminal
from tests.support.servers import ServerProcess


@pytest.fixture
def lonely(mortal: ServerProcess, home: dict[str, str]) -> Iterator[Terminal]:
    """Somebody whose server is gone, and who has said something since."""
    with Terminal(mortal.address, "--nick", "ana", environment=home) as terminal:
        terminal.see_input("[lobby]")
        mortal.kill()
        terminal.see("-- not connected")
        terminal.enter("a line that waits 漢字 \U0001f642")
        terminal.see("... a line that waits")
        yield terminal
