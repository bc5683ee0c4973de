"""What a client may ask for besides plain IRC (IRCv3 capability negotiation, version 302)."""

TIME = "server-time"
TAGS = "message-tags"
ECHO = "echo-message"
BATCH = "batch"
LABELS = "labeled-response"
SASL = "sasl"
AWAY = "away-notify"
HISTORY = "draft/chathistory"
STANDARD_REPLIES = "standard-replies"
NOTIFY = "cap-notify"
SETNAME = "setname"
REDACTION = "draft/message-redaction"

OFFERED = (
    TIME,
    TAGS,
    ECHO,
    BATCH,
    LABELS,
    SASL,
    AWAY,
    HISTORY,
    STANDARD_REPLIES,
    NOTIFY,
    SETNAME,
    REDACTION,
)
"""All of them, in the order in which they are listed."""

VALUES = {SASL: "PLAIN"}
"""What some of them have as a value, for clients that understand version 302."""


def listed(version: int) -> str:
    """Return the list for a client that understands a version of the negotiation."""
    return " ".join(
        f"{name}={VALUES[name]}" if version >= 302 and name in VALUES else name for name in OFFERED
    )


def changed(has: frozenset[str], asked: list[str], *, version: int) -> frozenset[str] | None:
    """Return what a client has that asks for changes; None if not all of them can be made.

    Args:
        has: what it has until now.
        asked: names, those to be given up with a `-` before them.
        version: of the negotiation. With 302 cap-notify cannot be given up.
    """
    found = set(has)
    for each in asked:
        name = each.removeprefix("-")
        if name not in OFFERED or (each == f"-{NOTIFY}" and version >= 302):
            return None
        if each.startswith("-"):
            found.discard(name)
        else:
            found.add(name)
    return frozenset(found)
