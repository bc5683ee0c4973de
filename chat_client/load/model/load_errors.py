"""Why a run could not be made, each with a sentence for a person as its text."""

from chat_client.errors import ChatError


class LoadError(ChatError):
    """The run could not be made, or not be ended."""


class Interrupted(LoadError):
    """Ctrl-C or q came before the load began: exit code 130."""


class UsageError(LoadError):
    """What was asked for cannot be, or no chat server is there: exit code 2."""
