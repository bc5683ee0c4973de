"""HTTP/1.1 (RFC 9110, 9112) as far as a page needs it: GET and HEAD, one at a time; PUT and DELETE
of files.

`websockets` reads the heads and does the WebSocket handshake; `site` knows what there is to get.
"""

import logging
import re
from collections.abc import Iterator
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from math import ceil

from msgspec import UNSET
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.typing import Origin, Subprotocol

from chat_server.gateways.gateway import Handover, OwnReply, Received, Stream, Work
from chat_server.gateways.web.file_transfer import (
    FILE_PATH,
    PIECE,
    Download,
    UploadBody,
    upload_body,
    withdraw_upload,
)
from chat_server.gateways.web.site import Refused, Site
from chat_server.gateways.web.websocket import WEBSOCKET, WebSocketGateway
from chat_server.rooms.codec import Broadcast
from chat_server.storage.offered.shared_files import SharedFiles
from protocol.errors import Code
from protocol.framing import FRAME_LIMIT
from protocol.messages import Error, ServerMessage

HEAD_LIMIT = 8192
"""Bytes: the longest head of a request."""

HEADERS_LIMIT = 100
"""How many header fields a request may have."""

METHODS = frozenset(
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PRI"]
)
"""With which word a request may begin. All but four are refused, but none is chat."""

_quiet = logging.getLogger("websockets.server")
"""What the library says of each connection is the connection's own to say."""

_quiet.setLevel(logging.ERROR)

SUBPROTOCOL = Subprotocol("backchannel.v1")

_HEAD_END = re.compile(rb"\r?\n\r?\n")

_STATUS: dict[str, HTTPStatus] = {
    Code.HELLO_TIMEOUT: HTTPStatus.REQUEST_TIMEOUT,
    Code.FLOODING: HTTPStatus.TOO_MANY_REQUESTS,
    Code.SERVER_FULL: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.SHUTTING_DOWN: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.BANNED: HTTPStatus.FORBIDDEN,
    Code.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Code.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}


_ENDING = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.REQUEST_URI_TOO_LONG,
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.SERVICE_UNAVAILABLE,
    }
)
"""After these the connection ends: where the next request begins is not known, or it is late."""


class HttpGateway:
    """One connection that speaks HTTP, until it asks for a WebSocket. See Gateway."""

    __slots__ = ("_body", "_needs_tls", "_received", "_secure", "_site", "_used", "greeted")

    codec = WEBSOCKET  # which is not used before there is a WebSocket
    answers_pings = False
    writes_own = False

    def __init__(self, site: Site, *, secure: bool, needs_tls: bool) -> None:
        """
        Args:
            site: what there is to get.
            secure: whether what is spoken is encrypted.
            needs_tls: whether all are told to use https.
        """
        self._site = site
        self._secure = secure
        self._needs_tls = needs_tls
        self._received = b""
        self._body: UploadBody | None = None  # what comes is a piece of a file
        self._used = False  # a request was answered, and nothing of another one has come
        self.greeted = False

    @property
    def unfinished(self) -> int:
        """Bytes of a head. See Gateway."""
        return len(self._received)

    def receive(self, data: bytes) -> Iterator[Received]:
        """Yield the answers to the requests in `data`, or the WebSocket. See Gateway."""
        self._received += data
        while self._received:
            self._used = False
            if self._body is not None:
                if len(self._received) < min(PIECE, self._body.left):
                    return
                yield from self._put(self._body)
                continue
            end = _HEAD_END.search(self._received)
            if end is None:
                if len(self._received) > HEAD_LIMIT:
                    yield self._refused(self._received, _too_long(self._received))
                return
            head, self._received = self._received[: end.end()], self._received[end.end() :]
            yield from self._answered(head)
            self._used = True

    def write(self, event: ServerMessage) -> bytes:
        """Return why the connection ends, if a request waits for an answer."""
        if not isinstance(event, Error) or self._used:
            return b""
        status = _STATUS.get(event.code, HTTPStatus.BAD_REQUEST)
        headers = {}
        if event.retry_after is not UNSET:
            headers["Retry-After"] = str(ceil(event.retry_after))
        return self._refused(self._received, Refused(status, event.text, headers)).data

    def write_shared(self, _: Broadcast) -> bytes:
        """Return nothing: nobody is here yet."""
        return b""

    def _answered(self, head: bytes) -> Iterator[Received]:
        """Answer one request, whose head is whole."""
        try:
            if head.startswith(b"PUT "):
                yield from self._begin_put(head)
                return
            if head.startswith(b"DELETE /files/") and self._site.shared:
                yield from self._withdraw(self._site.shared, head)
                return
            protocol, request = _parse(head)
            if self._needs_tls:
                raise self._site.refuse_plain(request)
            if request.path.partition("?")[0] == "/ws":
                yield from self._upgraded(protocol, request)
                return
            file = FILE_PATH.fullmatch(request.path.partition("?")[0])
            if file and self._site.shared:
                self._site.checked_host(request)
                yield OwnReply()  # it counts as a request
                yield Work(partial(self._download, self._site.shared, request, file[1]))
                return
        except Refused as refused:
            yield self._refused(head, refused)
            return
        if self._site.makes(request):
            yield OwnReply()  # it counts as a request
            yield Work(partial(self._reply, request))
        else:
            yield self._reply(request)

    def _reply(self, request: Request) -> OwnReply:
        """Answer a GET or HEAD with what the site has."""
        head_only, ends = request.method == "HEAD", not _stays(request)
        try:
            response = self._site.answer(request, secure=self._secure)
        except Refused as refused:
            return self._refused(request.method.encode() + b" ", refused)
        written = _written(response, head_only=head_only, ends=ends)
        return OwnReply(written, ends=Code.BYE if ends else None)

    def _begin_put(self, head: bytes) -> Iterator[Received]:
        """Take the head of a PUT, behind which a piece of a file comes."""
        try:
            request, headers = _parse_put(head)
            if self._needs_tls:
                raise self._site.refuse_plain(request)
            self._site.checked_host(request)
            files = self._site.shared
            if files is None:
                raise Refused(HTTPStatus.NOT_FOUND, "This server takes no files.")
        except Refused as refused:
            yield self._cut_off(refused)
            return
        yield OwnReply()  # it counts as a request

        def begin() -> OwnReply:
            try:
                self._body = upload_body(files, request.path, headers)
            except Refused as refused:
                return self._cut_off(refused)
            waits = headers.get("Expect", "").lower() == "100-continue"
            return OwnReply(b"HTTP/1.1 100 Continue\r\n\r\n" if waits else b"")

        yield Work(begin)

    def _withdraw(self, files: SharedFiles, head: bytes) -> Iterator[Received]:
        """Remove what came of a file that is not to be sent after all."""
        _, request = _parse(b"GET" + head.removeprefix(b"DELETE"))
        if self._needs_tls:
            raise self._site.refuse_plain(request)
        self._site.checked_host(request)
        yield OwnReply()  # it counts as a request
        ends = Code.BYE if not _stays(request) else None

        def withdraw() -> OwnReply:
            try:
                withdraw_upload(files, request.path)
            except Refused as refused:
                return self._refused(head, refused)
            status = HTTPStatus.NO_CONTENT
            done = Response(status.value, status.phrase, Headers(), b"")
            return OwnReply(_written(done, ends=ends is not None), ends=ends)

        yield Work(withdraw)

    def _put(self, body: UploadBody) -> Iterator[Received]:
        """Write what has come of the body of a PUT; answer it when all of it has."""
        data, self._received = self._received[: body.left], self._received[body.left :]

        def write() -> OwnReply:
            try:
                record = body.take(data)
            except Refused as refused:
                return self._cut_off(refused)
            if body.left:
                return OwnReply()
            self._body, self._used = None, True
            status = HTTPStatus.CREATED if record.whole else HTTPStatus.OK
            headers = Headers({"Content-Type": "text/plain", "Upload-Offset": str(body.have)})
            response = Response(status.value, status.phrase, headers, f"{body.have}\n".encode())
            return OwnReply(_written(response))

        yield Work(write)

    def _cut_off(self, refused: Refused) -> OwnReply:
        """Refuse a PUT whose body may be under way: the connection ends."""
        self._body, self._received = None, b""
        self._used = True
        return OwnReply(_written(refused.response(), ends=True), ends=Code.BYE)

    def _download(self, files: SharedFiles, request: Request, number: str) -> OwnReply | Stream:
        """Send a file that is offered in a room, or the part of it that is asked for."""
        self._used = True  # nothing is ever written into the middle of it
        head_only = request.method == "HEAD"
        try:
            found = Download(files, request, number, self._site.shows_images)
        except Refused as refused:
            return self._refused(request.method.encode() + b" ", refused)
        ends = not _stays(request)
        response = Response(found.status.value, found.status.phrase, found.headers, b"")
        head = _written(response, ends=ends, length=found.length)
        return Stream(found.pieces(head, head_only=head_only), Code.BYE if ends else None)

    def _upgraded(self, protocol: ServerProtocol, request: Request) -> Iterator[Received]:
        """Do the handshake, and hand over to the WebSocket with what came behind it."""
        host = self._site.checked_host(request)
        if request.method != "GET":
            raise _upgrade_required("A WebSocket is opened by GET.")
        version = request.headers.get("Sec-WebSocket-Version")
        protocol.origins = [None, *map(Origin, self._site.origins(host))]
        response = protocol.accept(request)
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            raise _no_handshake(response, version)
        protocol.send_response(response)
        yield OwnReply(b"".join(protocol.data_to_send()))
        rest, self._received = self._received, b""
        gateway = WebSocketGateway(protocol)
        yield Handover(gateway)
        if rest:
            yield from gateway.receive(rest)

    def _refused(self, head: bytes, refused: Refused) -> OwnReply:
        """Refuse the request that begins like this."""
        head_only, ends = head.startswith(b"HEAD "), refused.status in _ENDING
        written = _written(refused.response(), head_only=head_only, ends=ends)
        if not ends:
            return OwnReply(written)
        self._received = b""
        return OwnReply(written, ends=Code.BAD_FRAME)


def _too_long(head: bytes) -> Refused:
    """Why a head is refused that is over its limit."""
    if len(head.partition(b"\n")[0]) > HEAD_LIMIT:
        return Refused(
            HTTPStatus.REQUEST_URI_TOO_LONG,
            f"The first line of a request has at most {HEAD_LIMIT} bytes.",
        )
    return Refused(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        f"The head of a request has at most {HEAD_LIMIT} bytes and {HEADERS_LIMIT} fields.",
    )


def _parse(head: bytes) -> tuple[ServerProtocol, Request]:
    """Return the request with this head, and what has read it.

    Raises:
        Refused: it is none, or one that has no answer here.
    """
    method = head.split(b" ", 1)[0].decode("ascii", "replace")
    if method not in ("GET", "HEAD"):
        if method == "PRI":
            raise Refused(HTTPStatus.BAD_REQUEST, "This server speaks HTTP/1.1, not HTTP/2.")
        raise Refused(
            HTTPStatus.METHOD_NOT_ALLOWED,
            f"There is nothing to {method} here, only to GET and HEAD.",
            {"Allow": "GET, HEAD"},
        )
    if len(head) > HEAD_LIMIT or head.count(b"\n") > HEADERS_LIMIT:
        raise _too_long(head)
    protocol = ServerProtocol(
        subprotocols=[SUBPROTOCOL],
        select_subprotocol=lambda _, offered: SUBPROTOCOL if SUBPROTOCOL in offered else None,
        max_size=FRAME_LIMIT,
        logger=_quiet,
    )
    protocol.receive_data(_without_body(head))
    requests = protocol.events_received()
    if not requests:
        raise Refused(HTTPStatus.BAD_REQUEST, "This is no request of HTTP/1.1.")
    request = requests[0]
    assert isinstance(request, Request)
    if not (request.path.isascii() and request.path.isprintable()):
        raise Refused(HTTPStatus.BAD_REQUEST, "A path is printable ASCII.")
    _take_host_of_absolute_form(request)
    if not request.path.startswith("/"):
        raise Refused(HTTPStatus.BAD_REQUEST, "A path begins with /.")
    return protocol, request


def _parse_put(head: bytes) -> tuple[Request, Headers]:
    """Return what a PUT asks for, and all its header fields.

    The library reads heads that have no body: so it is given the head of a GET.

    Raises:
        Refused: it is none.
    """
    about_body, others = Headers(), []
    for line in head[4:].splitlines(keepends=True):
        name, _, value = line.decode("latin-1").partition(":")
        if name.lower() in ("content-length", "transfer-encoding"):
            about_body[name] = value.strip()
        else:
            others.append(line)
    if len(about_body.get_all("Content-Length")) > 1:
        raise Refused(HTTPStatus.BAD_REQUEST, "A request names one Content-Length.")
    _, request = _parse(b"GET " + b"".join(others))
    about_body.update(request.headers)
    return request, about_body


def _take_host_of_absolute_form(request: Request) -> None:
    """Let the host in a target like `http://HOST/path` be the one that counts (RFC 9112, 3.2.2)."""
    scheme, separator, rest = request.path.partition("://")
    if separator and scheme.lower() in ("http", "https"):
        host, slash, path = rest.partition("/")
        request.path = slash + path or "/"
        request.headers.pop("Host", None)
        request.headers["Host"] = host


def _without_body(head: bytes) -> bytes:
    """The head of a request that has no body; of one that has, nothing is read."""
    for line in head.splitlines()[1:]:
        name, _, value = line.partition(b":")
        name, value = name.strip().lower(), value.strip()
        if name == b"content-length" and not value.isdigit():  # RFC 9112, 6.3
            raise Refused(HTTPStatus.BAD_REQUEST, "A Content-Length is a number.")
        if name == b"transfer-encoding" or (name == b"content-length" and value != b"0"):
            raise Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "A request has no body here: send none."
            )
    return head


def _no_handshake(response: Response, version: str | None) -> Refused:
    """Why a WebSocket was not opened."""
    status = HTTPStatus(response.status_code)
    text = bytes(response.body or b"").decode().splitlines()[0]
    if status == HTTPStatus.UPGRADE_REQUIRED or version not in (None, "13"):
        return _upgrade_required(text)
    return Refused(status, text)


def _upgrade_required(text: str) -> Refused:
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    return Refused(HTTPStatus.UPGRADE_REQUIRED, text, headers)


def _stays(request: Request) -> bool:
    """Whether another request may follow on this connection."""
    options = ",".join(request.headers.get_all("Connection")).lower()
    words = {word.strip() for word in options.split(",")}
    if request.protocol == "HTTP/1.0":
        return False
    return "close" not in words


def _written(
    response: Response, *, head_only: bool = False, ends: bool = False, length: int | None = None
) -> bytes:
    """A response as it goes on the wire; `length` is that of a body that follows by itself."""
    headers = Headers(response.headers.raw_items())
    headers["Date"] = formatdate(usegmt=True)
    if response.status_code not in (HTTPStatus.NOT_MODIFIED, HTTPStatus.NO_CONTENT):
        headers["Content-Length"] = str(len(response.body) if length is None else length)
    if ends:
        headers["Connection"] = "close"
    body = b"" if head_only else response.body
    return Response(response.status_code, response.reason_phrase, headers, body).serialize()
