"""Times and dates in the user's format and time zone."""

import re
import time
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

DEFAULT_FORMAT = "%H:%M"
_UNKNOWN = "--:--"


class Clock:
    """Shows moments, given in Unix seconds. Any number is allowed."""

    def __init__(self, layout: str = DEFAULT_FORMAT, zone: str | None = None) -> None:
        """Make one.

        Args:
            layout: a format for `strftime`; empty to show no times.
            zone: a time zone such as "Europe/Berlin"; None for this machine's.

        Raises:
            LookupError, ValueError, OSError: there is no such zone.
        """
        self._layout = layout
        self._zone: tzinfo | None = None
        if zone:
            self._zone = UTC if zone == "UTC" else ZoneInfo(zone)  # Windows knows no other

    def time(self, seconds: float | None = None) -> str:
        """Return the time of day of a moment; by default of the present."""
        return self._shown(self._layout, seconds)

    def date_and_time(self, seconds: float) -> str:
        """Return the date and the time of day."""
        return self._shown("%Y-%m-%d %H:%M", seconds)

    def day(self, seconds: float) -> str:
        """Return the day: the same text for all moments of one day."""
        return self._shown("%A %d %B %Y", seconds)

    def last(self, time_of_day: str) -> float | None:
        """Return the last moment with a time of day such as 9:05; None if the text is none."""
        found = re.fullmatch("([01]?[0-9]|2[0-3]):([0-5][0-9])", time_of_day)
        if found is None:
            return None
        now = datetime.now(self._zone)
        then = now.replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0)
        return (then if then <= now else then - timedelta(days=1)).timestamp()

    def _shown(self, layout: str, seconds: float | None) -> str:
        try:
            if self._zone is None:
                return time.strftime(layout, time.localtime(seconds))
            moment = time.time() if seconds is None else seconds
            return datetime.fromtimestamp(moment, self._zone).strftime(layout)
        except (OverflowError, OSError, ValueError):
            return _UNKNOWN
