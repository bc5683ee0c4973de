"""The client's name and version, as `hello` and --version tell them."""

from importlib.metadata import version

CLIENT = f"chat-client/{version('backchannel')}"
BOT = f"bot {CLIENT}"
"""The same for a bot: the server marks what is said by a client whose name begins with `bot`."""
