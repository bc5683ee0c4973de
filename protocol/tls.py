"""TLS as bytes in, bytes out: one end of a connection, with no socket anywhere near it.

A channel is an `ssl.SSLObject` between two buffers in memory. What the peer sent goes in at
`receive` and comes out as it was said; what is to be said goes in at `encrypt` and comes out as the
wire is to carry it. Server and client stand on the same channel.

Why not an `ssl.SSLSocket`: it is not safe for a `recv` in one thread and a `send` in another, which
is just what both of our ends do. Such sockets corrupt what they carry, and crash interpreters.

The rules for threads:

- One thread calls `receive` and `receive_end`: what comes is a sequence.
- What `encrypt`, `take` and `end` return has to reach the wire in the order in which it was made: a
  record out of its place ends the connection. So whoever calls one of them holds the right to
  send, until those bytes are out, or kept to be sent before all others.
- TLS has something to say by itself, too: the handshake, the answer to a new key, an alert.
  `receive` makes it and sets `owes`; it goes out with the next `encrypt` or `take`.
- The channel's own lock keeps OpenSSL's object to one thread at a time. It is a leaf, and is held
  while some bytes are encrypted or decrypted, never while anybody waits for the network.
"""

import contextlib
import hashlib
import re
import ssl
import threading

HANDSHAKE = 0x16
_ALERT = 0x15
"""What TLS begins with, on either side. The first byte of a frame is always 0."""

_BEGINNINGS = (bytes([HANDSHAKE]), bytes([_ALERT]))

_PIECE = 16384
"""Bytes: what one record holds at most."""

_OWED_LIMIT = 65536
"""Bytes that TLS may have to say by itself. Only a peer that asks and does not read gets there."""

_PLAIN_WORDS = {
    "WRONG_VERSION_NUMBER": "what it speaks is not TLS, or a version older than 1.2",
    "UNSUPPORTED_PROTOCOL": "it speaks no version of TLS from 1.2 on",
    "NO_PROTOCOLS_AVAILABLE": "it speaks no version of TLS from 1.2 on",
    "TLSV1_ALERT_PROTOCOL_VERSION": "it speaks no version of TLS that we do",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not trust our certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it does not trust our certificate",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "it speaks no TLS here, or has no cipher in common with us",
    "NO_SHARED_CIPHER": "it has no cipher in common with us",
    "DECRYPTION_FAILED_OR_BAD_RECORD_MAC": "something on the way changed what it sent",
}


class TlsError(ConnectionError):
    """The other side, or somebody on the way, does not speak TLS as it should.

    A ConnectionError, since that is what has become of the connection. Its text is a sentence.

    Attributes:
        untrusted: why the peer's certificate was not accepted, or "" where that is not the matter.
    """

    def __init__(self, text: str, untrusted: str = "") -> None:
        super().__init__(text)
        self.untrusted = untrusted


class NotTlsError(TlsError):
    """What came first is nothing that TLS begins with.

    Attributes:
        received: what came.
    """

    def __init__(self, received: bytes) -> None:
        super().__init__("what it speaks is not TLS")
        self.received = received


def restrict(context: ssl.SSLContext) -> ssl.SSLContext:
    """Return `context`, made to speak TLS 1.2 or later and nothing that only invites trouble.

    To be done before the first connection: a context in use must not be changed.
    """
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    return context


class Channel:
    """One end of a TLS connection. The rules are at the top of the module.

    Attributes:
        established: whether the handshake is done. Nothing can be encrypted before.
        ended: whether the peer has said that nothing more comes, or nothing more can.
        owes: whether `take` has something.
    """

    __slots__ = (
        "_begun",
        "_incoming",
        "_lock",
        "_object",
        "_outgoing",
        "ended",
        "established",
        "owes",
    )

    def __init__(
        self, context: ssl.SSLContext, *, server_side: bool, server_name: str | None = None
    ) -> None:
        """
        Args:
            context: which certificate to show, and whom to believe.
            server_side: whether the other side begins.
            server_name: the host that is to be on the other side, where `context` checks that.
        """
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=server_name
        )
        # Guards all above and below. A leaf.
        self._lock = threading.Lock()
        self._begun = False  # the other side has sent something
        self.established = False
        self.ended = False
        self.owes = False

    @property
    def begun(self) -> bool:
        """Whether the other side has sent anything. Asked by any thread."""
        with self._lock:
            return self._begun

    # -- the thread that reads

    def begin(self) -> None:
        """Begin the handshake, on the side that does: `take` has the first bytes then.

        Raises:
            TlsError: this side cannot.
        """
        with self._lock:
            self._advance()

    def receive(self, data: bytes) -> bytes:
        """Take what came over the wire and return what was said in it, which may be nothing yet.

        Raises:
            NotTlsError: it is not even the beginning of TLS. Nothing is owed then.
            TlsError: it is wrong, was tampered with, or the peer's certificate is not accepted.
                The channel is of no use then, but for what it owes: an alert that says why.
        """
        with self._lock:
            if self.ended:
                return b""
            if not self._begun and data[:1] not in _BEGINNINGS:
                self.ended = True
                raise NotTlsError(data)
            self._begun = True
            self._incoming.write(data)
            return self._advance()

    def receive_end(self) -> None:
        """Note that the wire has ended. What was whole is out already."""
        with self._lock:
            self.ended = True

    def _advance(self) -> bytes:
        said: list[bytes] = []
        try:
            if not self.established:
                self._object.do_handshake()
                self.established = True
            while piece := self._object.read(_PIECE):
                said.append(piece)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:  # instead of b"" where we have ended our half already
            self.ended = True
        except ssl.SSLError as error:
            self.ended = True
            raise _in_words(error) from None
        finally:
            owed = self._outgoing.pending
            self.owes = owed > 0
        if owed > _OWED_LIMIT:
            self.ended = True
            raise TlsError("it asks for more than it takes")
        return b"".join(said)

    # -- with the right to send

    def encrypt(self, data: bytes | memoryview) -> bytes:
        """Return `data`, and all that is owed before it, as the wire is to carry it.

        It is all made at once: what the wire does not take is the caller's to keep, so `data`
        should be no more than a caller wants to keep of what does not go out.

        Raises:
            TlsError: the handshake is not done, or the connection has failed or was ended.
        """
        with self._lock:
            try:
                while data:
                    written = self._object.write(data)
                    data = memoryview(data)[written:]
            except ssl.SSLError as error:
                raise _in_words(error) from None
            return self._drain()

    def take(self) -> bytes:
        """Return what TLS has to say by itself; often nothing."""
        if not self.owes:
            return b""
        with self._lock:
            return self._drain()

    def end(self) -> bytes:
        """Say that nothing more will be encrypted; return the bytes that say so.

        The peer may still send, and is still to be received. Nothing is said if the handshake was
        never done.
        """
        with self._lock:
            if self.established:
                # As a rule the peer has not ended its half yet, which is what this complains of.
                with contextlib.suppress(ssl.SSLError):
                    self._object.unwrap()
            return self._drain()

    def _drain(self) -> bytes:
        self.owes = False
        return self._outgoing.read()

    # -- anyone, once it is established

    def certificate(self) -> bytes:
        """Return the certificate that the peer has shown, in DER; nothing if it showed none."""
        with self._lock:
            return self._object.getpeercert(binary_form=True) or b""

    def version(self) -> str:
        """Return what is spoken, such as "TLSv1.3"."""
        with self._lock:
            return self._object.version() or "no TLS"


def fingerprint(certificate: bytes) -> str:
    """Return the SHA-256 of a certificate in DER as 64 hexadecimal digits."""
    return hashlib.sha256(certificate).hexdigest()


def shown_fingerprint(digits: str) -> str:
    """Return a fingerprint as people compare it: in groups of four, without a space, so that a
    shell takes it as one word.
    """
    return ":".join(digits[start : start + 4] for start in range(0, len(digits), 4))


def parse_fingerprint(text: str) -> str:
    """Return the 64 digits of a fingerprint that somebody wrote down.

    Args:
        text: in capitals or not, in groups of any length between colons, blanks or dashes, with
            "SHA256" before it or not.

    Raises:
        ValueError: it is none; the text says what one is.
    """
    bare = re.sub(r"^\s*sha-?256\b(\s+fingerprint)?\s*[:=]?", "", text, flags=re.IGNORECASE)
    digits = re.sub(r"[\s:-]", "", bare).lower()
    if not re.fullmatch(r"[0-9a-f]{64}", digits):
        raise ValueError(f"{text!r} is no fingerprint: one is 64 hexadecimal digits (SHA-256)")
    return digits


def _in_words(error: ssl.SSLError) -> TlsError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return TlsError(error.verify_message, error.verify_message)
    reason = error.reason or "it broke off"
    return TlsError(_PLAIN_WORDS.get(reason, reason.lower().replace("_", " ")))
