"""The client of Backchannel: a terminal program, and the Python API that it stands on.

`connect` gives a `Chat`, its `join` a `Room`; `events` has what a chat tells by itself, `errors`
what can go wrong.
"""

from chat_client.api.chat import Chat, connect
from chat_client.api.room import Room
from chat_client.errors import (
    AddressError,
    ChatError,
    Closed,
    ConnectError,
    Refused,
    Unconfirmed,
    Untrusted,
)
from chat_client.events import (
    Connected,
    Ended,
    Entered,
    Event,
    Postponed,
    Reconnecting,
    Removed,
    Trusted,
)
from chat_client.transport.address import (
    Address,
    TcpAddress,
    TlsAddress,
    UnixAddress,
    parse_address,
)
from chat_client.transport.trust import Authorities, FirstUse, Pinned
from protocol.messages import (
    BanEntry,
    Direct,
    FloorChange,
    FreezeChange,
    HandChange,
    HandEntry,
    ImageInfo,
    Invited,
    Message,
    Oldest,
    PinsChange,
    PlaceChange,
    PollChange,
    PollResult,
    Presence,
    RoleChange,
    RoomEntry,
    RoomRules,
    RulesChange,
)

__all__ = [
    "Address",
    "AddressError",
    "Authorities",
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
    "FirstUse",
    "FloorChange",
    "FreezeChange",
    "HandChange",
    "HandEntry",
    "ImageInfo",
    "Invited",
    "Message",
    "Oldest",
    "Pinned",
    "PinsChange",
    "PlaceChange",
    "PollChange",
    "PollResult",
    "Postponed",
    "Presence",
    "Reconnecting",
    "Refused",
    "Removed",
    "RoleChange",
    "Room",
    "RoomEntry",
    "RoomRules",
    "RulesChange",
    "TcpAddress",
    "TlsAddress",
    "Trusted",
    "Unconfirmed",
    "UnixAddress",
    "Untrusted",
    "connect",
    "parse_address",
]
