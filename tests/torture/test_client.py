"""The torture's own client, where what it meets is more than it was made for."""

import random
import socket
from contextlib import closing

from tests.support.servers import address_of, running_server
from tests.support.waiting import DEADLINE
from tests.torture.client import Client
from tests.torture.gateway import Gateway
from tests.torture.journal import Journal
from tests.torture.person import Person
from tests.torture.tally import Tally


class Reluctant(Gateway):
    """Its first connection is reset before it is made: by a network that cuts in that moment."""

    first = True

    def connect(self) -> socket.socket:
        if self.first:
            self.first = False
            raise ConnectionResetError("cut")
        return super().connect()


def test_a_connection_that_is_cut_before_it_is_made_is_made_again() -> None:
    """The client lives on, and gets to the end."""
    source, tally = random.Random(1), Tally()
    with running_server() as server, Reluctant("1", [address_of(server)], tally) as gateway:
        gateway.cease()
        person = Person("client-01", ["lobby"], source)
        with closing(Client(person, gateway, Journal(), tally, source)) as client:
            client.start()
            client.settle()
            assert client.settled.wait(DEADLINE)
            client.finish({"lobby": 0})
            assert client.join(DEADLINE)
            assert client.finished
