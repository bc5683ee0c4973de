"""A file's name that somebody else chose, made into one that cannot leave its folder."""

import re

from protocol.common.unsafe_characters import DIRECTIONS, HALVES, HIDDEN, MARKS, SEPARATORS

NAME_LIMIT = 100
"""Characters of a file's name."""

_UNFIT = re.compile(rf'[\x00-\x1f\x7f-\x9f<>:"|?*{SEPARATORS}{DIRECTIONS}{MARKS}{HIDDEN}{HALVES}]')
"""Controls; what turns or hides text, so that one ending reads as another; what Windows refuses."""

_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)


def safe_file_name(name: str) -> str:
    """Return the name of a file in one folder, on any system: the last part of `name`, mended.

    It holds no separator and no control character, begins with no dot, ends with neither a dot nor
    a blank, and is no device of Windows. Applied again it changes nothing.
    """
    last = re.split(r"[/\\]", name)[-1]
    mended = _UNFIT.sub("", last).strip().lstrip(".").strip()
    if len(mended) > NAME_LIMIT:
        stem, dot, ending = mended.rpartition(".")
        if not dot or len(ending) > 10:
            stem, dot, ending = mended, "", ""
        mended = f"{stem[: NAME_LIMIT - len(dot + ending)]}{dot}{ending}"
    mended = mended.rstrip(". ")
    if not mended:
        return "file"
    return f"_{mended}"[:NAME_LIMIT] if _RESERVED.match(mended) else mended


def shown_size(size: int) -> str:
    """Return a number of bytes for a person: "12 kB"."""
    if size < 1000:
        return f"{size} B"
    value, unit = size / 1000, "kB"
    for larger in ("MB", "GB"):
        if value >= 999.5:
            value, unit = value / 1000, larger
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"
