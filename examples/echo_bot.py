"""A bot that says again what is said to it: python echo_bot.py HOST[:PORT] NICK ROOM

    <ana> echo: hello
    <echo> ana said hello

It answers people only: `chat_client` leaves out what other bots say, so that no two of them go on
for ever.

It stays through lost connections and restarts of the server: `chat_client` comes back by itself,
and hands over each message once, in order, also those that came meanwhile.
"""

import sys

import chat_client


def main() -> None:
    """Answer until the server or the user ends it."""
    if len(sys.argv) != 4:
        print("usage: python echo_bot.py HOST[:PORT] NICK ROOM", file=sys.stderr)
        sys.exit(2)
    address, nick, room_name = sys.argv[1:]
    with chat_client.connect(address, nick=nick) as chat:
        room = chat.join(room_name)
        print(f"{chat.nick} is in #{room.name}", flush=True)
        for message in room:
            text = message.text.removeprefix(f"{chat.nick}: ")
            # Only what is addressed to it. What other bots say does not even come here.
            if message.from_ != chat.nick and text != message.text:
                room.say(f"{message.from_} said {text}"[:4000])


if __name__ == "__main__":
    try:
        main()
    except chat_client.ChatError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        pass
