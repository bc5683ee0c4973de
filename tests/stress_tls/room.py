"""A whole server with a busy room, and clients that talk and listen as fast as they can.

The threads are those of every day: on the server one that reads each connection while the workers
and the catch-up thread write to it; in each client one that reads and one that writes.
"""

import random
import threading
import time
import zlib

from chat_client.errors import ChatError
from chat_client.transport.address import TlsAddress, open_connection
from chat_client.transport.connection import Connection
from chat_client.transport.trust import Anybody
from protocol import VERSION
from protocol.errors import Code
from protocol.messages import (
    Bye,
    Error,
    Goodbye,
    Hello,
    Join,
    Message,
    Ok,
    Pong,
    Say,
    ServerPing,
    encode,
)
from tests.stress_tls.outcome import Outcome
from tests.support.servers import running_server

CLIENTS = 4
WINDOW = 64
"""Texts without a reply, of each client."""

PATIENCE = 30.0
"""Seconds until the last of what was said must have arrived."""

_SIZES = (20, 20, 20, 300, 3900)


def run(seconds: float) -> Outcome:
    """Let everybody talk for some seconds, and check what everybody has heard."""
    outcome = Outcome(f"a room with {CLIENTS} that talk and listen")
    with running_server(tls=True) as server:
        host, port = server.addresses[0][:2]
        address = TlsAddress(host, port, Anybody())
        chatters = [_Chatter(f"c{number}", address, outcome) for number in range(CLIENTS)]
        began = time.monotonic()
        for chatter in chatters:
            chatter.start()
        for chatter in chatters:
            chatter.talk_until(began + seconds)
        for chatter in chatters:
            chatter.stop_talking()
        total = sum(chatter.said for chatter in chatters)
        for chatter in chatters:
            chatter.wait_for(total)
        for chatter in chatters:
            chatter.close()
        outcome.seconds = time.monotonic() - began
    return outcome


class _Chatter:
    """One client: the connection's writer sends, one thread reads, one thinks of what to say."""

    def __init__(self, nick: str, address: TlsAddress, outcome: Outcome) -> None:
        self._nick = nick
        self._outcome = outcome
        self._connection = Connection(open_connection(address, PATIENCE)[0], PATIENCE)
        self._window = threading.Semaphore(WINDOW)
        self._joined = threading.Event()
        self._heard = threading.Condition()  # guards the two below
        self._last = 0
        self._failed = False
        self._numbers: dict[str, int] = {}  # the reader's own: how many texts of each came
        self.said = 0
        self._reader = threading.Thread(target=self._read)
        self._talker = threading.Thread(target=self._talk)
        self._until = 0.0

    def start(self) -> None:
        """Come in."""
        self._connection.send(encode(Hello(VERSION, self._nick, client="stress")))
        self._connection.send(encode(Join(1, "lobby")))
        self._reader.start()

    def talk_until(self, until: float) -> None:
        """Begin to talk."""
        self._until = until
        self._talker.start()

    def stop_talking(self) -> None:
        """Wait until all is said that is to be."""
        self._talker.join()

    def wait_for(self, seq: int) -> None:
        """Wait until all of the room has been heard."""
        with self._heard:
            if not self._heard.wait_for(lambda: self._last >= seq or self._failed, PATIENCE):
                self._outcome.fault(f"{self._nick} heard {self._last} of {seq}")

    def close(self) -> None:
        """Leave."""
        self._connection.send(encode(Bye(self.said + 2)))
        self._reader.join(PATIENCE)
        self._connection.close()

    def _talk(self) -> None:
        self._joined.wait(PATIENCE)
        source = random.Random(self._nick)
        while time.monotonic() < self._until and not self._failed:
            if not self._window.acquire(timeout=PATIENCE):
                self._outcome.fault(f"{self._nick} waits for replies that do not come")
                return
            body = f"{self.said}:" + chr(source.randrange(97, 123)) * source.choice(_SIZES)
            self._connection.send(encode(Say(self.said + 2, "lobby", f"{_checksum(body)}{body}")))
            self.said += 1

    def _read(self) -> None:
        try:
            for message in self._connection.receive():
                self._take(message)
        except ChatError as error:
            self._fail(str(error))

    def _take(self, message: object) -> None:
        match message:
            case Message():
                self._check(message)
            case Ok(re=1):
                self._joined.set()
            case Ok():
                self._window.release()
            case ServerPing():
                self._connection.send(encode(Pong(re=message.id)))
            case Goodbye(code=Code.BYE):
                pass  # the end of the stream follows
            case Error() | Goodbye():
                self._fail(f"{message.code}: {message.text}")

    def _check(self, message: Message) -> None:
        number = self._numbers.get(message.from_, -1)
        body = message.text[8:]
        said = int(body.partition(":")[0])
        first = number < 0  # what was said before we came is not ours to hear
        if _checksum(body) != message.text[:8]:
            self._fail(f"{self._nick} heard something that was not said")
        elif not first and said != number + 1:
            self._fail(f"{self._nick} heard text {said} of {message.from_} after {number}")
        elif self._last and message.seq != self._last + 1:
            self._fail(f"{self._nick} heard {message.seq} after {self._last}")
        self._numbers[message.from_] = said
        self._outcome.count(len(message.text))
        with self._heard:
            self._last = message.seq
            self._heard.notify()

    def _fail(self, text: str) -> None:
        self._outcome.fault(text)
        with self._heard:
            self._failed = True
            self._heard.notify()
        self._connection.abort()


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"
