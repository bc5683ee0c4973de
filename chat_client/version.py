"""The client's name and version, as `hello` and --version tell them."""

from importlib.metadata import version

CLIENT = f"chat-client/{version('backchannel')}"
