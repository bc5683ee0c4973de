"""Members of one room, for tests of the audit: what they receive, and their readers."""

from chat_client.load.generator.audit import MemberReader
from chat_client.load.generator.room_stream import RoomStream
from chat_client.load.generator.stamp import Stamp
from protocol.messages import AnyServerMessage, Message, Ok, Presence, ServerPing, encode

RUN = 7
PRESENCE = encode(Presence("lobby", ["x"], [], [], 2))
OWN = (PRESENCE, encode(Ok(5, seq=3)), encode(ServerPing(1)))


def message(seq: int, number: int | None = None, due: int | None = None) -> Message:
    """The message `seq`, which is the talker's text `number` and was due at `due` µs."""
    number = seq - 1 if number is None else number
    stamp = Stamp(RUN, 0, number, 1000 * seq if due is None else due)
    return Message("lobby", seq, 1.5, "load0", "text", stamp.written() + "xxxx")


def frames(*seqs: int) -> bytes:
    return b"".join(encode(message(seq)) for seq in seqs)


class Member:
    """A reader, and what it was told that is no message."""

    def __init__(self, log: RoomStream, last: int = 0) -> None:
        self.told: list[AnyServerMessage] = []
        self.reader = MemberReader(log, self.told.append)
        self.reader.join(last, timed=True)

    def receive(self, data: bytes, pieces: int | None = None) -> None:
        """Receive `data`, in pieces of so many bytes."""
        size = pieces or len(data) or 1
        for start in range(0, len(data), size):
            self.reader.receive(memoryview(data)[start : start + size])


def a_log() -> RoomStream:
    return RoomStream("lobby", RUN)
