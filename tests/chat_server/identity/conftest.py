"""What the tests of who somebody is stand on."""

import pytest

from tests.chat_server.house import House
from tests.chat_server.identity.people import secret_of
from tests.support.peer import Peer


@pytest.fixture
def owner(house: House) -> Peer:
    """Somebody who is in charge, without an account."""
    assert house.server
    peer = house.enter("olga")
    assert peer.ok("claim", secret=secret_of(house.server))["role"] == "owner"
    return peer
