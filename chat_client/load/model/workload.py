"""The workload: what a run asks of the server, and the default of each option."""

from msgspec import Struct


class Load(Struct, frozen=True, kw_only=True):
    """What is asked of the server: the load model.

    Attributes:
        clients: how many there are, in all processes.
        rooms: how many rooms they share; client i is in room i modulo this.
        rate: messages a second in all, due by the clock (open loop); None for as fast as it goes
            (closed loop, `--burst`).
        ramp: seconds over which the clients come.
        warm_up: seconds of load that are not counted.
        duration: seconds of load that are.
        shortest: the shortest text, in bytes.
        longest: the longest text.
        talkers: percent of the clients that talk; the others only read.
        churn: how many clients a second lose their connection and come back.
        slow: percent of the clients that stop reading from time to time.
        patience: seconds that the last replies, and then the last messages, may take to come.
        processes: how many workers there are.
        seed: of all that is left to chance.
        nick_prefix: what the nicks and rooms begin with.
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
        """How many clients talk: the first ones, so that they spread over rooms and processes."""
        return max(1, round(self.clients * self.talkers / 100))

    @property
    def slow_ones(self) -> int:
        """How many clients are slow: the last ones."""
        return round(self.clients * self.slow / 100)

    def room_names(self) -> list[str]:
        """Return the names of the rooms."""
        return [f"{self.nick_prefix}-{number}" for number in range(self.rooms)]

    def members(self, room: int) -> int:
        """Return how many clients are in a room (from 0)."""
        return len(range(room, self.clients, self.rooms))
