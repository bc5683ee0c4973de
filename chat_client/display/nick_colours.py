"""The colour of a nick: always the same, and one that can be read on black and on white."""

import zlib
from functools import lru_cache

from colorama import Fore

from chat_client.display.text import fold

HUES = (160, 166, 130, 94, 100, 64, 28, 29, 30, 31, 32, 26, 61, 63, 98, 97, 129, 134, 163, 162, 132)
"""Those of a terminal's 256 colours that can be read on black and on white, one of each hue."""

_BASIC_HUES = (Fore.RED, Fore.GREEN, Fore.MAGENTA, Fore.CYAN)


@lru_cache(maxsize=1000)
def hue_of(who: str, colours: int) -> str:
    """Return the escape sequence of a nick's colour.

    Args:
        who: the nick, in any case.
        colours: how many the terminal has: 256, or 16.
    """
    number = zlib.crc32(fold(who).encode("utf-8", "replace"))
    if colours < 256:
        return _BASIC_HUES[number % len(_BASIC_HUES)]
    return f"\x1b[38;5;{HUES[number % len(HUES)]}m"
