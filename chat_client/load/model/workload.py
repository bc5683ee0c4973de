"""The workload: what a run asks of the server. The defaults of its options stand here alone.

To add an option of this kind: give it a field and a default here, an argument of the same name in
`control/options.py`, and let the generator act on it.
"""

from msgspec import Struct


class Load(Struct, frozen=True, kw_only=True):
    """What all workers together ask of the server.

    Attributes:
        clients: how many clients connect.
        rooms: how many rooms they share. Client i is in room i modulo this.
        rate: messages a second in all, due by the clock (open loop); None for as fast as the server
            replies (closed loop, `--burst`).
        ramp: seconds over which the clients connect.
        warm_up: seconds of load that are not measured.
        duration: seconds of load that are measured.
        shortest: bytes of the shortest text.
        longest: bytes of the longest text.
        talkers: percent of the clients that talk. The others only read.
        churn: how many clients a second lose their connection and come back.
        slow: percent of the clients that stop reading from time to time.
        patience: seconds to wait for the last replies, and then for the last messages.
        processes: how many worker processes there are. `chat-load` starts one for each core.
        seed: the seed of everything random.
        nick_prefix: what nicks and rooms begin with.
    """

    clients: int = 100
    rooms: int = 1
    rate: float | None = 100.0
    ramp: float = 0.0
    warm_up: float = 2.0
    duration: float = 10.0
    shortest: int = 64
    longest: int = 64
    talkers: float = 10.0
    churn: float = 0.0
    slow: float = 0.0
    patience: float = 10.0
    processes: int = 1
    seed: int = 1
    nick_prefix: str = "load"

    @property
    def talking(self) -> int:
        """How many clients talk: the first ones, which spreads them over rooms and processes."""
        return max(1, round(self.clients * self.talkers / 100))

    @property
    def slow_ones(self) -> int:
        """How many clients stop reading from time to time: the last ones."""
        return round(self.clients * self.slow / 100)

    def room_names(self) -> list[str]:
        """Return the names of the rooms."""
        return [f"{self.nick_prefix}-{number}" for number in range(self.rooms)]

    def members(self, room: int) -> int:
        """Return how many clients are in a room, whose number is from 0."""
        return len(range(room, self.clients, self.rooms))
