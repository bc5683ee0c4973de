"""The table of all commands that a registered client may send."""

from collections.abc import Callable

from chat_server.gateways.irc.client import Client, Steps
from chat_server.gateways.irc.commands import (
    channels,
    negotiation,
    order,
    person,
    queries,
    server,
    talk,
)
from chat_server.gateways.irc.commands.chathistory import chathistory
from chat_server.gateways.irc.lines import Line
from chat_server.gateways.irc.response import Response

Command = Callable[[Client, Line, Response], Steps]

COMMANDS: dict[str, Command] = {
    "AUTHENTICATE": negotiation.authenticate,
    "AWAY": person.away,
    "CAP": negotiation.cap,
    "CHATHISTORY": chathistory,
    "ISON": queries.ison,
    "JOIN": channels.join,
    "KICK": order.kick,
    "LIST": channels.list_rooms,
    "LUSERS": server.lusers,
    "MODE": order.mode,
    "MOTD": server.motd,
    "NAMES": channels.names,
    "NICK": person.nick,
    "NOTICE": talk.notice,
    "OPER": person.oper,
    "PART": channels.part,
    "PASS": person.again,
    "PING": server.ping,
    "PONG": server.pong,
    "PRIVMSG": talk.privmsg,
    "QUIT": person.quit,
    "SETNAME": person.setname,
    "TAGMSG": talk.tagmsg,
    "TIME": server.time,
    "TOPIC": channels.topic,
    "USER": person.again,
    "USERHOST": queries.userhost,
    "VERSION": server.version,
    "WHO": queries.who,
    "WHOIS": queries.whois,
    "WHOWAS": queries.whowas,
}
"""What does each of them, by its name in capitals."""
