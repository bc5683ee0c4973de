"""The exit codes of `chat-client`."""

from protocol.errors import Code

DONE = 0
"""All went well."""

NOT_SAID = 1
"""Something was not said, or the server ended the chat."""

NOT_LET_IN = 2
"""Wrong use, or the server could not be reached or does not let us in: now, or any more."""

INTERRUPTED = 130
"""Ctrl-C, in a pipe."""


def ended_by_server(code: str | None) -> int:
    """Return the exit code for a chat that the server ended.

    Args:
        code: the protocol's, if it gave one.
    """
    return NOT_LET_IN if code == Code.BANNED else NOT_SAID
