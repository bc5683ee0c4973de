"""Errors of the load tester. The text of each is a sentence for a person."""

from chat_client.errors import ChatError


class LoadError(ChatError):
    """The run could not be made, or broke off: exit code 1."""


class Interrupted(LoadError):
    """Ctrl-C or q came before the load began: exit code 130."""


class UsageError(LoadError):
    """The options are wrong, or no chat server answers: exit code 2."""
