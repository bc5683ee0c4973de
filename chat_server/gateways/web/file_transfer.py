"""What files hold, by HTTP: GET with ranges (RFC 9110, 14), PUT in pieces.

Nothing of a file is ever shown by the browser as a page of this server: it is downloaded, whatever
its content is or its name says. But for images, in rooms whose rules allow that: by what they hold
they are one of four formats that run nothing, and that type is all that a browser takes them for.
"""

import re
from collections.abc import Callable, Generator
from http import HTTPStatus
from typing import BinaryIO
from urllib.parse import quote

from websockets.datastructures import Headers
from websockets.http11 import Request

from chat_server.gateways.web.site import Refused
from chat_server.runtime.errors import StoreError
from chat_server.storage.offered.shared_files import FileRecord, SharedFiles, UploadRefusedError

PIECE = 64 * 1024
"""Bytes of a file that are read, or written, at once."""

BODY_LIMIT = 8 * 1024 * 1024
"""Bytes of one PUT: whose connection breaks loses no more than that, and mostly much less."""

FILE_PATH = re.compile(r"/files/([0-9a-f]{32})/([^/?]*)")

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
_CONTENT_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})")

_STATUS = {
    "unknown": (HTTPStatus.NOT_FOUND, "There is no such upload: offer the file again."),
    "busy": (HTTPStatus.CONFLICT, "Another piece of this file is on its way."),
    "elsewhere": (HTTPStatus.CONFLICT, "The piece does not begin where the file ends."),
    "full": (HTTPStatus.INSUFFICIENT_STORAGE, "The server's disk is nearly full."),
    "offered": (HTTPStatus.FORBIDDEN, "The file is offered in its room: delete its message."),
    "wrong": (HTTPStatus.UNPROCESSABLE_ENTITY, "What came is not what was announced."),
}


class Download:
    """One answer to a GET or HEAD of a file."""

    def __init__(
        self,
        files: SharedFiles,
        request: Request,
        number: str,
        shows_images: Callable[[str], bool],
    ) -> None:
        """Open the file.

        Args:
            files: all.
            request: what is asked.
            number: the file's.
            shows_images: whether images that are offered in a room are shown, by its name.

        Raises:
            Refused: there is no such file, or no such part of it.
        """
        opened = files.open(number)
        if opened is None:
            raise Refused(HTTPStatus.NOT_FOUND, "There is no such file any more.")
        self.record, self._file = opened
        shown = self.record.image is not None and shows_images(self.record.room)
        self.headers = _image_headers(self.record) if shown else _headers(self.record)
        self.status = HTTPStatus.OK
        self._start = self._end = 0
        if self.headers["ETag"] in ",".join(request.headers.get_all("If-None-Match")):
            self.status = HTTPStatus.NOT_MODIFIED
            self.length = 0
            return
        try:
            self._start, self._end = self._part(request)
        except Refused:
            self._file.close()
            raise
        if self.status is HTTPStatus.PARTIAL_CONTENT:
            part = f"bytes {self._start}-{self._end - 1}/{self.record.size}"
            self.headers["Content-Range"] = part
        self.length = self._end - self._start

    def pieces(self, head: bytes, *, head_only: bool) -> Generator[bytes, None, None]:
        """Yield the answer, which begins with `head`. Closing it closes the file."""
        with self._file as file:
            yield head
            if not head_only:
                yield from _read(file, self._start, self._end)

    def _part(self, request: Request) -> tuple[int, int]:
        """From where to where the file is sent: all of it, or the one range that is asked for."""
        size = self.record.size
        asked = _RANGE.fullmatch(request.headers.get("Range", ""))
        same = request.headers.get("If-Range", self.headers["ETag"]) == self.headers["ETag"]
        if asked is None or asked[0] == "bytes=-" or not same:
            return 0, size
        first, last = asked.groups()
        start = int(first) if first else max(0, size - int(last))
        end = min(size, int(last) + 1) if first and last else size
        if start >= size or start >= end:
            headers = {"Content-Range": f"bytes */{size}"}
            status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
            raise Refused(status, f"The file has {size} bytes.", headers)
        self.status = HTTPStatus.PARTIAL_CONTENT
        return start, end


class UploadBody:
    """The body of one PUT. Its connection's thread's own.

    Attributes:
        left: bytes that are still to come.
    """

    def __init__(
        self, files: SharedFiles, number: str, secret: str, start: int, length: int
    ) -> None:
        """
        Args:
            files: all.
            number: the file's.
            secret: what lets it be uploaded.
            start: where in the file the body belongs.
            length: bytes of the body.

        Raises:
            Refused: it is not taken.
        """
        self._files = files
        self._number = number
        self._secret = secret
        self._at = start
        self.left = length
        try:
            files.begin(number, secret, start, length)
        except UploadRefusedError as error:
            raise _refused(error) from None
        except StoreError:
            raise _unavailable() from None

    def take(self, data: bytes) -> FileRecord:
        """Write some of the body, and return the file's record.

        Raises:
            Refused: it is not taken.
        """
        try:
            record = self._files.write(self._number, self._secret, self._at, data)
        except UploadRefusedError as error:
            raise _refused(error) from None
        except StoreError:
            raise _unavailable() from None
        self._at += len(data)
        self.left -= len(data)
        return record

    @property
    def have(self) -> int:
        """How many bytes of the file are there."""
        return self._at


def withdraw_upload(files: SharedFiles, path: str) -> None:
    """Remove what has arrived of a file, for a DELETE of the path to which it is put.

    Args:
        files: all.
        path: `/files/NUMBER/SECRET`.

    Raises:
        Refused: there is no such upload, or it is not removed.
    """
    found = FILE_PATH.fullmatch(path)
    if found is None:
        raise Refused(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "Only a file that was offered and is not shared can be deleted here.",
            {"Allow": "GET, HEAD"},
        )
    try:
        files.withdraw(found[1], found[2])
    except UploadRefusedError as error:
        raise _refused(error) from None


def upload_body(files: SharedFiles, path: str, headers: Headers) -> UploadBody:
    """Return what takes the body of a PUT.

    Args:
        files: all.
        path: what is put: `/files/NUMBER/SECRET`.
        headers: of the request.

    Raises:
        Refused: it is not taken.
    """
    found = FILE_PATH.fullmatch(path)
    if found is None:
        raise Refused(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "Only a file that was offered can be put here.",
            {"Allow": "GET, HEAD"},
        )
    length = headers.get("Content-Length", "")
    if not re.fullmatch(r"\d{1,15}", length) or "Transfer-Encoding" in headers:
        raise Refused(HTTPStatus.LENGTH_REQUIRED, "A piece of a file names its Content-Length.")
    size = int(length)
    if not 0 < size <= BODY_LIMIT:
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        raise Refused(status, f"A piece of a file has 1 to {BODY_LIMIT} bytes.")
    start = 0
    if "Content-Range" in headers:
        part = _CONTENT_RANGE.fullmatch(headers["Content-Range"])
        if part is None or int(part[2]) - int(part[1]) + 1 != size:
            raise Refused(HTTPStatus.BAD_REQUEST, "This Content-Range does not fit the piece.")
        start = int(part[1])
    return UploadBody(files, found[1], found[2], start, size)


def _read(file: BinaryIO, start: int, end: int) -> Generator[bytes, None, None]:
    file.seek(start)
    while start < end and (piece := file.read(min(PIECE, end - start))):
        start += len(piece)
        yield piece


def _headers(record: FileRecord) -> Headers:
    return Headers(
        {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(record.name, safe='')}",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "Accept-Ranges": "bytes",
            "ETag": f'"{record.sha256}"',
        }
    )


def _image_headers(record: FileRecord) -> Headers:
    """What an image is shown by. Another tag: a copy from before that was allowed is not taken."""
    assert record.image is not None
    headers = _headers(record)
    for name, value in {
        "Content-Type": record.image.type,
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(record.name, safe='')}",
        # A browser styles the page on which it shows an image by itself.
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        "Cache-Control": "private, no-cache",
        "ETag": f'"{record.sha256}-image"',
    }.items():
        headers.pop(name, None)
        headers[name] = value
    return headers


def _refused(error: UploadRefusedError) -> Refused:
    status, text = _STATUS[error.fault]
    return Refused(status, text, {"Upload-Offset": str(error.have)})


def _unavailable() -> Refused:
    return Refused(HTTPStatus.SERVICE_UNAVAILABLE, "The server cannot use its disk just now.")
