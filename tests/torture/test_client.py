"""The torture's own client, where what it meets is more than it was made for."""

import random
import socket
from contextlib import closing

from protocol.messages import Message, Ok, Welcome, encode
from tests.support.servers import address_of, running_server
from tests.support.waiting import DEADLINE
from tests.torture.client import Client
from tests.torture.gateway import Gateway
from tests.torture.journal import Journal
from tests.torture.person import Person
from tests.torture.records import Source
from tests.torture.tally import Tally
from tests.torture.visit import Visit
from tests.torture.wire import Wire


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


def test_what_is_gone_is_gone_for_a_former_connection_as_well() -> None:
    """The `ok` to its join said so, and the next message comes when another connection goes on."""
    person, journal = Person("client-01", ["lobby"], random.Random(1)), Journal()
    person.places["lobby"].seq = 1
    ours, theirs = socket.socketpair()
    with closing(theirs), closing(Wire(ours)) as wire:
        visit = Visit(wire, 1, person, journal)
        welcome = Welcome(1, "backchannel", "secret", "client-01", {}, "")
        theirs.sendall(encode(welcome) + encode(Ok(re=1, seq=661, oldest=661)))
        visit.hear()
        visit.retire()
        theirs.sendall(encode(Message("lobby", 661, 1.0, "eva", "text", "hello")))
        visit.hear()
        former = journal.stretches[-1]
        assert (former.source, former.after, former.oldest) == (Source.FORMER, 1, [(0, 661)])
        assert len(former.entries) == 1
