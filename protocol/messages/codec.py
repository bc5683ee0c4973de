"""From a payload to a request or a server's message, and back.

Bytes that are no JSON object are `bad_frame`, which is fatal. A JSON object that is no request is
`bad_request`, and the connection lives on. What could be nested deeply is refused before it is
skipped (NEST_LIMIT); the thread that decodes needs the stack of THREAD_STACK_SIZE, so that a nest
raises an exception in every interpreter.
"""

import re
from collections.abc import Iterable

import msgspec

from protocol import VERSION
from protocol.errors import Code, ProtocolError
from protocol.framing import encode_frame, encode_frames
from protocol.messages.events import AnyServerMessage, ServerMessage
from protocol.messages.requests import AnyRequest, Hello, Id, Request

THREAD_STACK_SIZE = 1024 * 1024
"""Bytes of stack for every thread that decodes what a peer sent.

The deepest nest that fits a frame crashes CPython 3.13.0 on a stack of 256 KiB; from 384 KiB up it
raises RecursionError. A stack costs address space, not memory.
"""

NEST_LIMIT = 256
"""How many lists and objects may begin in a request; those that there are have two at most.

What is skipped is skipped by a call in a call, and what a thread's stack has grown to it keeps. One
frame took 1.4 MB of memory with CPython 3.14, for which the stack itself is the only limit, and
320 KB with 3.13, for as long as its sender stayed.
"""


class _Envelope(msgspec.Struct):
    """As little of a JSON object as it takes to answer it."""

    type: msgspec.Raw = msgspec.Raw()
    id: msgspec.Raw = msgspec.Raw()
    version: msgspec.Raw = msgspec.Raw()


_encoder = msgspec.json.Encoder()
_hello_decoder = msgspec.json.Decoder(Hello)
_request_decoder: msgspec.json.Decoder[AnyRequest] = msgspec.json.Decoder(AnyRequest)
_server_decoder: msgspec.json.Decoder[AnyServerMessage] = msgspec.json.Decoder(AnyServerMessage)
_envelope_decoder = msgspec.json.Decoder(_Envelope)
_id_decoder: msgspec.json.Decoder[int] = msgspec.json.Decoder(Id)
_version_decoder: msgspec.json.Decoder[int] = msgspec.json.Decoder(int)

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""A string, or one that never ends. However it goes on, nothing of it is looked at twice."""


def encode(message: Request | ServerMessage) -> bytes:
    """Return `message` as one frame.

    Raises:
        ValueError: it does not fit a frame, or holds a lone surrogate.
    """
    return encode_frame(_encoder.encode(message))


def encode_each(messages: Iterable[Request | ServerMessage]) -> list[bytes]:
    """Return each of `messages` as one frame, in less time than `encode` one by one.

    Raises:
        ValueError: as `encode`.
    """
    return encode_frames(list(map(_encoder.encode, messages)))


def encoded_size(value: object) -> int:
    """Return how many bytes `value` takes inside a frame, for whoever fills a page."""
    return len(_encoder.encode(value))


def decode_request(payload: bytes) -> AnyRequest:
    """Return the request that a client's payload holds.

    Raises:
        ProtocolError: `bad_frame` if it is no JSON object in UTF-8, or one of too many lists and
            objects; `bad_request`, with the id as `re` where one could be read, if it is one but
            no request.
    """
    if len(payload) > NEST_LIMIT:
        _check_nest(payload)
    try:
        return _request_decoder.decode(payload)
    except msgspec.ValidationError as error:
        reason = str(error)
    except ValueError as error:
        raise _bad_frame(error) from error
    raise ProtocolError(Code.BAD_REQUEST, f"{reason}.", re=_read_id(payload))


def decode_hello(payload: bytes) -> Hello:
    """Return the hello that a client's first payload is to hold.

    Raises:
        ProtocolError: `bad_frame` as decode_request; `hello_required` for an object that is no
            hello; `unsupported_version` for one of another version, whose members are not known;
            `bad_request` for a hello that breaks a rule.
    """
    if len(payload) > NEST_LIMIT:
        _check_nest(payload)
    try:
        return _hello_decoder.decode(payload)
    except msgspec.ValidationError as error:
        reason = str(error)
    except ValueError as error:
        raise _bad_frame(error) from error
    envelope = _read_envelope(payload)
    if bytes(envelope.type) == b'"hello"':
        check_version(_read_integer(_version_decoder, envelope.version))
        raise ProtocolError(Code.BAD_REQUEST, f"{reason}.")
    raise ProtocolError(Code.HELLO_REQUIRED, "The first frame of a connection is a `hello`.")


def check_version(version: int | None) -> None:
    """See that a hello is of the version that is spoken here; None if it names none.

    Raises:
        ProtocolError: `unsupported_version`.
    """
    if version not in (None, VERSION):
        raise ProtocolError(
            Code.UNSUPPORTED_VERSION,
            f"this server speaks version {VERSION} of the protocol, not {version}",
        )


def decode_server_message(payload: bytes) -> AnyServerMessage | None:
    """Return what a server's payload says, or None for a type that this version does not know.

    Raises:
        ProtocolError: `bad_frame` if it is no JSON object in UTF-8.
    """
    try:
        return _server_decoder.decode(payload)
    except msgspec.ValidationError:
        _read_envelope(payload)
        return None
    except (ValueError, RecursionError) as error:
        raise _bad_frame(error) from error


def server_message_fault(payload: bytes) -> str:
    """Return which member breaks its rule in a payload for which decode_server_message gave None.

    Returns: such as "`message`: Expected `float`, got `str` - at `$.time`"; "" for a type that
        this version does not know.
    """
    try:
        _server_decoder.decode(payload)
    except msgspec.ValidationError as error:
        reason = str(error)
    else:
        return ""
    if reason.endswith("at `$.type`"):
        return ""
    name = bytes(_read_envelope(payload).type).decode().strip('"')
    return f"`{name}`: {reason}" if name else reason


def _check_nest(payload: bytes) -> None:
    """See that no more lists and objects begin in a client's payload than may.

    Raises:
        ProtocolError: `bad_frame`.
    """
    if _count_beginnings(payload) <= NEST_LIMIT:  # nearly always
        return
    # What begins in a string does not count. No request has more strings than that, either; so how
    # long this takes is bounded.
    if _count_beginnings(_STRING.sub(b"", payload, NEST_LIMIT)) > NEST_LIMIT:
        raise ProtocolError(
            Code.BAD_FRAME, f"at most {NEST_LIMIT} lists and objects may begin in a frame"
        )


def _count_beginnings(payload: bytes) -> int:
    return payload.count(b"[") + payload.count(b"{")


def _read_envelope(payload: bytes) -> _Envelope:
    """What an object that is no message has in common with one."""
    try:
        payload.decode("utf-8")
        return _envelope_decoder.decode(payload)
    except (ValueError, RecursionError) as error:
        raise _bad_frame(error) from error


def _read_id(payload: bytes) -> int | None:
    """The id, if there is one that could be a request's."""
    return _read_integer(_id_decoder, _read_envelope(payload).id)


def _read_integer(decoder: "msgspec.json.Decoder[int]", value: msgspec.Raw) -> int | None:
    try:
        return decoder.decode(value)
    except ValueError:
        return None


def _bad_frame(error: Exception) -> ProtocolError:
    if isinstance(error, RecursionError):
        return ProtocolError(Code.BAD_FRAME, "a frame holds a JSON object that is nested less")
    return ProtocolError(Code.BAD_FRAME, f"a frame holds one JSON object in UTF-8: {error}")
