"""The table of all commands that a registered client may send."""

from collections.abc import Callable

from chat_server.gateways.irc.client import IrcClient, Steps
from chat_server.gateways.irc.commands import (
    channels,
    negotiation,
    order,
    person,
    queries,
    redaction,
    server_queries,
    talk,
    turns,
)
from chat_server.gateways.irc.commands.chathistory import chathistory
from chat_server.gateways.irc.wire.irc_lines import Line
from chat_server.gateways.irc.wire.response import Response

Command = Callable[[IrcClient, Line, Response], Steps]

COMMANDS: dict[str, Command] = {
    "AUTHENTICATE": negotiation.authenticate,
    "AWAY": person.away,
    "CAP": negotiation.cap,
    "CHATHISTORY": chathistory,
    "DELETE": redaction.delete,
    "EDIT": redaction.edit,
    "INVITE": order.invite,
    "HAND": turns.hand,
    "HANDS": turns.hands,
    "ISON": queries.ison,
    "JOIN": channels.join,
    "KICK": order.kick,
    "LIST": channels.list_rooms,
    "LUSERS": server_queries.lusers,
    "MODE": order.mode,
    "MOTD": server_queries.motd,
    "NAMES": channels.names,
    "NEXT": turns.give_floor,
    "NICK": person.nick,
    "NOTICE": talk.notice,
    "OPER": person.oper,
    "PART": channels.part,
    "PASS": person.again,
    "PING": server_queries.ping,
    "PONG": server_queries.pong,
    "POLL": turns.poll,
    "PRIVMSG": talk.privmsg,
    "QUIT": person.quit,
    "REDACT": redaction.redact,
    "REPLY": redaction.reply,
    "SETNAME": person.setname,
    "TAGMSG": talk.tagmsg,
    "TIME": server_queries.time,
    "TOPIC": channels.topic,
    "USER": person.again,
    "USERHOST": queries.userhost,
    "VERSION": server_queries.version,
    "VOTE": turns.vote,
    "WHO": queries.who,
    "WHOIS": queries.whois,
    "WHOWAS": queries.whowas,
}
"""What does each of them, by its name in capitals."""
