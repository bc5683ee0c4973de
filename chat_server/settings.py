"""Every setting, with its unit, its default and the reason for that default."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from platformdirs import user_data_path

from protocol.framing import FRAME_LIMIT
from protocol.messages import LimitValue
from protocol.text import NICK_LIMIT, ROOM_LIMIT, TEXT_LIMIT

DEFAULT_PORT = 7878


def default_data_folder() -> Path:
    """Return the platform's folder for a user's data: ~/.local/share/backchannel on Linux."""
    return user_data_path("backchannel", appauthor=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How one server is set up. Times are in seconds, sizes in bytes unless said."""

    # Where it listens. "" is every IPv4 interface, "::" every interface: a room on the LAN is
    # what most people start the server for.
    hosts: tuple[str, ...] = ("",)
    # 0 picks a free one, the same for all hosts.
    port: int = DEFAULT_PORT
    # A Unix socket to listen on as well.
    unix: Path | None = None

    # Where the log of the rooms is kept.
    data: Path = field(default_factory=default_data_folder)

    # When a commit is done: "normal" once the operating system has it, which survives the death of
    # the server; "full" once the disk has it, which survives that of the machine, and waits for it.
    sync: Literal["normal", "full"] = "normal"
    # How much of each room is kept: so many of its messages, and none older than so many seconds.
    # Everything, unless said: a year of a class is a few MB.
    keep_messages: int | None = None
    keep_seconds: float | None = None
    # A session that nobody took up for so long is forgotten at the next start: 30 days.
    keep_sessions: float = 30 * 86400.0
    # How often what need not be kept any more is deleted: a little each time.
    prune_interval: float = 5.0

    # What `welcome` shows to everybody who comes in.
    motd: str = ""

    # How long a new connection may take to say `hello`: enough for a person's Wi-Fi, too short
    # for silent connections to pile up.
    hello_timeout: float = 10.0
    # A client that has been silent for so long is asked with a `ping` whether it is there.
    ping_interval: float = 30.0
    # A peer that has answered nothing and taken nothing for so long is dead, not slow.
    patience: float = 90.0
    # How long the last bytes may take to reach a client that is being closed. Together with
    # what it takes to stop the threads this stays well below the 5 s that a stop may take.
    linger: float = 1.5

    # How many clients may be connected: more than any class has; each costs 24 KB when idle.
    connections: int = 20_000
    # How many of them from one address. A lab of 30 students with 50 clients each behind one
    # address is 1,500.
    connections_per_address: int | None = 5_000
    # How many rooms a client may be in: every room that a person could follow, and a bot's.
    rooms_per_client: int = 100
    # How many rooms there may be. Each keeps up to 256 KiB of its log in memory.
    rooms: int = 5_000
    # How many requests a client may make each second, in the long run: nobody types so fast, and
    # a file that is piped in is slowed to this.
    requests_per_second: float | None = 200.0
    # How many it may make at once: a client that comes back sends again what had no reply.
    requests_burst: int = 2_000

    # Joins and leaves closer together than this are one `presence`: short enough to look
    # immediate, long enough that 1,000 clients joining at once are a few events.
    presence_interval: float = 0.1

    # How many threads deliver. One saturates a core and the kernel's half of another.
    delivery_workers: int = 1

    def for_lab(self) -> "Settings":
        """Return the same without the limits that a load test would run into."""
        return replace(self, connections_per_address=None, requests_per_second=None)

    def limits(self) -> dict[str, LimitValue]:
        """Return what `welcome` tells a client about the limits, by rule; None is no limit."""
        return {
            "frame": FRAME_LIMIT,
            "text": TEXT_LIMIT,
            "nick": NICK_LIMIT,
            "room": ROOM_LIMIT,
            "connections": self.connections,
            "connections_per_address": self.connections_per_address,
            "rooms_per_client": self.rooms_per_client,
            "rooms": self.rooms,
            "requests_per_second": self.requests_per_second,
            "requests_burst": self.requests_burst,
            "hello_timeout": self.hello_timeout,
            "ping_interval": self.ping_interval,
            "patience": self.patience,
        }
