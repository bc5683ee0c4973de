"""The server's name and version, as `welcome` and --version tell them."""

from importlib.metadata import version

SERVER = f"backchannel/{version('backchannel')}"
