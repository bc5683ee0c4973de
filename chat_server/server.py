"""The server: started once, changed while it runs, stopped once.

`assembly` makes the parts from the bottom up. Stopping goes from the top down: nobody new comes in,
nobody is heard any more, what was said is stored and delivered, everybody is told goodbye, and only
then do the threads end that deliver it.
"""

import errno
import logging
import threading
from contextlib import ExitStack

from argon2 import PasswordHasher

from chat_server.assembly import Assembly
from chat_server.gateways.connection import Connection
from chat_server.identity.connection_limit import ConnectionLimit
from chat_server.identity.passwords import Passwords, strong_hasher
from chat_server.network import tls
from chat_server.network.addresses import Address
from chat_server.requests.context import Context
from chat_server.runtime.clock import Clock, SystemClock
from chat_server.runtime.config.config_loader import entry
from chat_server.runtime.config.settings import LiveSettings, Settings
from chat_server.runtime.errors import StartError, StoreError
from chat_server.runtime.timers import Timers
from protocol.messages import THREAD_STACK_SIZE
from protocol.tls import shown_fingerprint

log = logging.getLogger(__name__)


class Server:
    """A chat server. It can be started once, and stopped once.

    Attributes:
        timers: what the server does later.
        addresses: where it listens, from `start` on.
        owner_secret: whoever has it can be in charge. Only the server that made it knows it: at its
            first start, or later, if nobody was shown the one before.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock | None = None,
        hasher: PasswordHasher | None = None,
    ) -> None:
        """
        Args:
            settings: how it is set up.
            clock: another than the machine's, for tests.
            hasher: one that costs less than passwords deserve, for tests.
        """
        self._settings = LiveSettings(settings)
        self._clock = clock or SystemClock()
        self._passwords = Passwords(hasher or strong_hasher())
        self._crowd: ConnectionLimit[Connection] = ConnectionLimit(self._settings)
        self.timers = Timers(self._clock)
        self.addresses: list[Address] = []
        self.owner_secret: str | None = None
        self._assembly: Assembly | None = None
        self._opened = ExitStack()  # what `stop` does, in reverse order

    @property
    def settings(self) -> Settings:
        """The settings that count at this moment."""
        return self._settings.now

    @property
    def fingerprint(self) -> str | None:
        """The SHA-256 of the certificate, in hexadecimal digits; None without TLS."""
        identity = self._assembly.identity if self._assembly else None
        return identity.fingerprint if identity else None

    @property
    def metrics(self) -> Address | None:
        """Where Prometheus can ask, if it can."""
        metrics = self._assembly.metrics if self._assembly else None
        return metrics.address if metrics else None

    @property
    def _running(self) -> Assembly:
        assert self._assembly is not None, "the server was not started"
        return self._assembly

    @property
    def _parts(self) -> Context:
        return self._running.parts

    def start(self) -> None:
        """Open the history and listen; return when clients can connect.

        Raises:
            StartError: the addresses, the data folder or the certificate cannot be used, or the
                system has too few descriptors or threads. Nothing is left open, and no thread runs.
        """
        threading.stack_size(THREAD_STACK_SIZE)
        try:
            with ExitStack() as opened:
                assembly = Assembly(
                    opened, self._settings, self._clock, self.timers, self._passwords, self._crowd
                )
                assembly.start(opened)
                self._opened = opened.pop_all()
        except OSError as error:
            reason = error.strerror or error
            raise StartError(f"the server cannot start: {reason}.{_advice(error)}") from error
        except RuntimeError as error:  # a thread does not begin
            raise StartError(f"the server cannot start: {error}.") from error
        self._assembly = assembly
        self.addresses = assembly.addresses
        self.owner_secret = assembly.kept.secret

    def note_secret_shown(self) -> None:
        """Note that a person was shown the owner's secret: the next start makes no other."""
        try:
            self._parts.authentication.note_secret_shown()
        except StoreError as error:
            log.error("the next start will show another owner's secret: %s", error)

    def stop(self) -> None:
        """Drain and end: what was said is stored, everybody is told goodbye, all is closed.

        Its waits take at most the settings' `linger` and two and a half seconds together, however
        many clients there are and whatever they do.
        """
        self._opened.close()

    def reload(self, settings: Settings) -> None:
        """Take what can change while it runs from other settings, and log what that is.

        Whoever is connected stays, but for those whose address is denied from now on.

        Raises:
            StartError: what they name cannot be used. All is as it was.
        """
        new, changed, later = self._settings.now.taking_live(settings)
        self._show_certificate(new)
        self._settings.now = new
        for each in changed:
            log.info("from now on %s", entry(each, new))
        self._close_denied()
        self._running.discovery.refresh()
        for each in later:
            log.warning("this needs a restart: %s", entry(each, settings))
        if not changed and not later:
            log.info("the settings are as they were")

    def _close_denied(self) -> None:
        """End the connections of those who might not come in now."""
        for connection in self._crowd.connections():
            refusal = self._parts.admission.refuse_address(connection.host)
            if refusal is not None:
                connection.close(refusal.code, refusal.text)

    def _show_certificate(self, settings: Settings) -> None:
        """Let those who connect from now on be shown what the certificate's file holds now."""
        before, self._running.identity = self.fingerprint, tls.identity(settings, make=False)
        if self.fingerprint is not None and self.fingerprint != before:
            shown = shown_fingerprint(self.fingerprint)
            log.info("from now on the certificate is another one: %s", shown)


def _advice(error: OSError) -> str:
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return " Let it have more open files: ulimit -n."
    return ""
