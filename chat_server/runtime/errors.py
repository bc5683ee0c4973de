"""What can go wrong in the server for reasons that are not a client's mistake.

A client's mistake is a `protocol.errors.ProtocolError`.
"""

STORE_RETRY_AFTER = 5.0
"""Seconds after which a store that could not be read or written is worth another try."""


class BackchannelError(Exception):
    """The base of the server's own exceptions. Its text is a sentence for the operator."""


class StartError(BackchannelError):
    """The server cannot start as it was asked to: an address, a port, a data folder.

    Attributes:
        problems: a sentence for each thing that is wrong.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


class AwayError(StartError):
    """What the server needs cannot be reached just now: the same start may succeed later."""


class SettingError(StartError):
    """A setting breaks its rule, or is none."""


class TooManyConnectionsError(BackchannelError):
    """There is no place for another connection, not even to tell it so."""


class OutcomeUnknownError(BackchannelError):
    """Whether a transaction was stored is not known: it failed at its end for lack of memory."""


class StoreError(BackchannelError):
    """The store could not read or write just now. Nothing of the request was kept."""


class LogRewoundError(StoreError):
    """The log of a room ends before what was delivered of it: the engine has lost its tail.

    Attributes:
        last: the number of the room's last message now.
    """

    def __init__(self, room: str, last: int) -> None:
        super().__init__(f"the log of {room} was set back to message {last}")
        self.last = last


class SearchTooLongError(StoreError):
    """A search was ended: it took longer than it may."""


class AdminError(BackchannelError):
    """A command of the operator could not be done. Its text is a sentence for the operator."""
