"""Who may come in: from which networks, and with which password.

A password is asked for with every hello, also of a session that is taken up again: a session says
who somebody is, the password whether they may be here. So who changes it, since too many know it,
has changed it for everybody who comes from then on, and a session that was stolen is not enough.
"""

import hashlib
import hmac
import ipaddress
import logging
import unicodedata

from chat_server.identity.throttle import Throttle
from chat_server.network.addresses import host_address
from chat_server.runtime.clock import Clock
from chat_server.runtime.config.setting_types import PASSWORD_LIMIT
from chat_server.runtime.config.settings import LiveSettings
from protocol.errors import Code, ProtocolError

log = logging.getLogger(__name__)

LONGEST_TYPED = 4 * PASSWORD_LIMIT
"""As it is typed a character may be up to four, which are composed to one."""


class Admission:
    """Looks at who comes. Any thread may call any method."""

    def __init__(self, settings: LiveSettings, clock: Clock) -> None:
        """
        Args:
            settings: the password and the networks; new ones count for who comes from then on.
            clock: for how long somebody has to wait who guesses.
        """
        self._settings = settings
        self._guesses = Throttle(clock)

    def refuse_address(self, host: str) -> ProtocolError | None:
        """Return why nobody may come in from an address, or None if they may.

        Who is in one of the networks that are denied may not, nor who is in none of those that
        are allowed, if any are. Whoever comes by a Unix socket may.
        """
        settings = self._settings.now
        address = host_address(host)
        if address is None:
            return None
        if _within(address, settings.deny) or (
            settings.allow and not _within(address, settings.allow)
        ):
            return ProtocolError(
                Code.BANNED, f"this server lets in nobody from {address}: ask whoever runs it"
            )
        return None

    def check_hello(self, host: str, password: str | None) -> None:
        """See that who says hello may come in, and knows the password if there is one.

        Args:
            host: where it came from.
            password: as it came; None if none did, which is no guess.

        Raises:
            ProtocolError: `bad_password`; `rate_limited` for an address that was wrong too
                often; `banned` for one that was denied only after it had connected.
        """
        refusal = self.refuse_address(host)
        if refusal is not None:
            raise refusal
        wanted = self._settings.now.password
        if not wanted:
            return
        if password is None:
            raise ProtocolError(Code.BAD_PASSWORD, "this server asks for a password")
        if not self._guesses.guess(host, lambda: _same(password, wanted)):
            log.warning("a wrong password came from %s", host, extra={"peer": host})
            raise ProtocolError(Code.BAD_PASSWORD, "that is not the password of this server")


def _within(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...],
) -> bool:
    return any(address in network for network in networks)


def _same(one: str, other: str) -> bool:
    """Compare without telling by the time it takes how much of them is the same."""
    if (
        len(one) > LONGEST_TYPED
    ):  # before it is composed: that takes a second for a frame of accents
        return False
    return hmac.compare_digest(_digest(one), _digest(other))


def _digest(password: str) -> bytes:
    # A Mac may type é as two characters, and the file have it as one.
    composed = unicodedata.normalize("NFC", password)
    return hashlib.sha256(composed.encode("utf-8", "surrogatepass")).digest()
