"""What a client is told when it is registered: 001 to 005, and later the message of the day."""

from datetime import UTC, datetime

from chat_server.gateways.irc.client import IrcClient
from chat_server.gateways.irc.wire.names import SERVER
from chat_server.identity.roles import Role
from chat_server.version import SERVER as VERSION
from protocol.messages import Welcome
from protocol.text import NICK_LIMIT, REASON_LIMIT, ROOM_LIMIT, TEXT_LIMIT

HISTORY_LIMIT = 100
"""How many messages one CHATHISTORY may ask for."""

TARGETS_LIMIT = 4
"""To how many targets one line may say something."""

REAL_NAME_LIMIT = 128
"""Characters of a real name."""

USER_MODES, CHANNEL_MODES, CHANNEL_MODES_WITH_PARAMETER = "o", "bimnotv", "bov"

_TOKENS_PER_LINE = 13
"""Tokens of 005 in one line."""

_SUPPORTED = (
    "NETWORK=Backchannel",
    "CASEMAPPING=ascii",
    "CHANTYPES=#",
    f"NICKLEN={NICK_LIMIT}",
    f"CHANNELLEN={ROOM_LIMIT + 1}",
    f"TOPICLEN={TEXT_LIMIT}",
    "MODES=1",
    "PREFIX=(ov)@+",
    "CHANMODES=b,,,imnt",
    "UTF8ONLY",
    f"CHATHISTORY={HISTORY_LIMIT}",
    "MSGREFTYPES=msgid,timestamp",
    "SAFELIST",
    f"KICKLEN={REASON_LIMIT}",
    f"AWAYLEN={REASON_LIMIT}",
    f"NAMELEN={REAL_NAME_LIMIT}",
    f"TARGMAX=PRIVMSG:{TARGETS_LIMIT},NOTICE:{TARGETS_LIMIT},TAGMSG:{TARGETS_LIMIT},JOIN:,PART:,"
    "KICK:1,WHOIS:1,NAMES:,LIST:",
)


def welcome(client: IrcClient, event: Welcome) -> list[str]:
    """Return 001 to 005, and know the client by its nick from now on. With its lock held."""
    assert client.lock.locked()
    client.nick, client.registered = event.nick, True
    client.moderates = event.role != Role.MEMBER.word
    client.motd = event.motd
    client.rooms_limit = event.limits.get("rooms_per_client")
    created = datetime.fromtimestamp(client.network.created, UTC)
    return [
        client.numeric("001", text=f"Welcome to Backchannel, {client.shown}"),
        client.numeric("002", text=f"Your host is {SERVER}, running {VERSION}"),
        client.numeric("003", text=f"This server was started {created:%Y-%m-%d %H:%M:%S} UTC"),
        client.numeric(
            "004", SERVER, VERSION, USER_MODES, CHANNEL_MODES, CHANNEL_MODES_WITH_PARAMETER
        ),
        *supported(client),
    ]


def supported(client: IrcClient) -> list[str]:
    """Return what this server can do (RPL_ISUPPORT)."""
    tokens = [*_SUPPORTED, f"CHANLIMIT=#:{client.rooms_limit or ''}"]
    text = "are supported by this server"  # as all servers say; some clients look for it
    return [
        client.numeric("005", *tokens[start : start + _TOKENS_PER_LINE], text=text)
        for start in range(0, len(tokens), _TOKENS_PER_LINE)
    ]


def message_of_the_day(client: IrcClient) -> list[str]:
    """Return the message of the day, or that there is none."""
    if not client.motd:
        return [client.numeric("422", text="There is no message of the day")]
    return [
        client.numeric("375", text=f"- {SERVER} message of the day -"),
        *(client.numeric("372", text=f"- {line}") for line in client.motd.split("\n")),
        client.numeric("376", text="End of the message of the day"),
    ]
