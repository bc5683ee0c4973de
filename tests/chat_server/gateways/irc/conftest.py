"""IRC clients on a real server, beside native ones."""

from collections.abc import Iterator

import pytest

from chat_server.rooms import room
from tests.chat_server.house import House
from tests.chat_server.moderation.order_house import OrderedHouse
from tests.support.irc_peer import IrcHouse, irc_house


@pytest.fixture
def irc(house: House) -> Iterator[IrcHouse]:
    """The means to come into `house` by IRC."""
    with irc_house(house.address) as found:
        yield found


@pytest.fixture
def ordered_irc(place: OrderedHouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[IrcHouse]:
    """The means to come by IRC to where somebody is in charge.

    As nobody moves the clock there, each PING lets everybody be told of who came and went.
    """
    monkeypatch.setattr(room, "TELLING_EARLY", 0.0)
    with irc_house(place.address) as found:
        yield found
