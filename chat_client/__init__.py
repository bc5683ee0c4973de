"""The client of Backchannel: a terminal program, and the Python API that it stands on.

`connect` gives a `Chat`, its `join` a `Room`; `events` has what a chat tells by itself, `errors`
what can go wrong.
"""

from chat_client.address import Address, TcpAddress, UnixAddress, parse_address
from chat_client.chat import Chat, Room, connect
from chat_client.errors import (
    AddressError,
    ChatError,
    Closed,
    ConnectError,
    Refused,
    Unconfirmed,
)
from chat_client.events import Connected, Ended, Entered, Event, Postponed, Reconnecting, Removed
from protocol.messages import (
    BanEntry,
    Direct,
    HandChange,
    Message,
    Presence,
    RoleChange,
    RoomEntry,
)

__all__ = [
    "Address",
    "AddressError",
    "BanEntry",
    "Chat",
    "ChatError",
    "Closed",
    "ConnectError",
    "Connected",
    "Direct",
    "Ended",
    "Entered",
    "Event",
    "HandChange",
    "Message",
    "Postponed",
    "Presence",
    "Reconnecting",
    "Refused",
    "Removed",
    "RoleChange",
    "Room",
    "RoomEntry",
    "TcpAddress",
    "Unconfirmed",
    "UnixAddress",
    "connect",
    "parse_address",
]
