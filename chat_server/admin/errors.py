"""What can go wrong with a command of the operator's."""

from chat_server.runtime.errors import BackchannelError


class AdminError(BackchannelError):
    """The command could not be done. Its text is a sentence for the operator."""
