"""Every setting, with its unit, its default and the reason for that default."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from protocol.framing import FRAME_LIMIT
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

    # Joins and leaves closer together than this are one `presence`: short enough to look
    # immediate, long enough that 1,000 clients joining at once are a few events.
    presence_interval: float = 0.1

    # How many threads deliver. One saturates a core and the kernel's half of another.
    delivery_workers: int = 1

    def limits(self) -> dict[str, Any]:
        """Return what `welcome` tells a client about the limits, by rule."""
        return {
            "frame": FRAME_LIMIT,
            "text": TEXT_LIMIT,
            "nick": NICK_LIMIT,
            "room": ROOM_LIMIT,
            "ping_interval": self.ping_interval,
            "patience": self.patience,
        }
