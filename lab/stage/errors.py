"""What ends a lesson early."""


class LabError(Exception):
    """Somebody asked for what cannot be. The message is a sentence for them."""


class ServerError(LabError):
    """The server did not do what every server must: it ended, or it does not listen."""


class Stopped(Exception):
    """The user ended the lesson."""
