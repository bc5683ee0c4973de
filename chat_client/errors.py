"""What can go wrong in the client, each with a sentence for a person as its text."""


class ChatError(Exception):
    """The base of the client's exceptions."""


class AddressError(ChatError, ValueError):
    """What was given as a server's address is none."""


class SettingError(ChatError):
    """An option, a variable or a line of the configuration file says what it cannot."""


class CommandError(ChatError):
    """What was typed is no command, or not how that command is used."""


class ConnectError(ChatError):
    """The server could not be reached, or what was reached is no chat server.

    Attributes:
        reason: what happened. The exception's text has what to do about it, besides.
    """

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"{reason}. {advice}")
        self.reason = reason


class Untrusted(ChatError):
    """The server's certificate is not the one that it should be. Nothing was said to it."""


class ConnectionLost(ChatError):
    """The connection broke. The client makes a new one by itself; nobody has to catch this.

    Attributes:
        code: the protocol's code if the server said goodbye (`shutting_down`, ...), else None.
    """

    def __init__(self, text: str, code: str | None = None) -> None:
        super().__init__(text)
        self.code = code


class Refused(ChatError):
    """The server, or the client on its behalf, refused a request.

    Attributes:
        code: the protocol's code for the reason, a `protocol.errors.Code` where it is a known one.
        text: the reason, for a person.
        retry_after: seconds to wait before the same would be accepted, or None where waiting does
            not help.
    """

    def __init__(self, code: str, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.retry_after = retry_after


class Unconfirmed(ChatError):
    """The server forgot this session before it replied: what was sent may be stored, or not."""


class Closed(ChatError):
    """The chat is over, so nothing can be asked of it any more.

    Attributes:
        code: the protocol's code if the server ended it (`kicked`, `replaced`, ...), else None.
    """

    def __init__(self, text: str, code: str | None = None) -> None:
        super().__init__(text)
        self.code = code
