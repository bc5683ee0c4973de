"""What there is to get by HTTP: the page and its parts, and some small answers."""

import hashlib
import ipaddress
import re
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from importlib.resources.abc import Traversable

from websockets.datastructures import Headers, MultipleValuesError
from websockets.http11 import Request, Response

from chat_server.storage.offered.shared_files import SharedFiles

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}

_TEXT = "text/plain; charset=utf-8"

_SCHEMES = ("http", "https")

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
"""Whatever of a Host goes into a header or a page is of this form (RFC 9110, 4.2)."""

_PAGES = {"/": "/assets/index.html", "/wall": "/assets/wall.html", "/live": "/assets/live.html"}

MADE_LIMIT = 16
"""How many of the things that are made on request are kept: some for each name of the server."""

_ROBOTS = b"User-agent: *\nDisallow: /\n"


class Refused(Exception):
    """A request gets no more than a status and a sentence.

    Attributes:
        status: of the response.
        text: a sentence for a person; or a page, if the headers say so.
        headers: more than all responses have, or others.
    """

    def __init__(
        self, status: HTTPStatus, text: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers or {}

    def response(self) -> Response:
        """Return it as a response."""
        headers = Headers({"Content-Type": _TEXT, "X-Content-Type-Options": "nosniff"})
        for name, value in self.headers.items():
            headers.pop(name, None)
            headers[name] = value
        return Response(self.status.value, self.status.phrase, headers, f"{self.text}\n".encode())


@dataclass(frozen=True)
class _Part:
    """One file, as it is sent."""

    body: bytes
    type: str
    tag: str


class Site:
    """The pages of one server. It does not change: any thread may call any method.

    A host that is asked for has to be this server's: an address, or one of its names. Otherwise any
    page on the web could give itself a name that leads here, and talk for whoever looks at it (DNS
    rebinding). An address cannot be given a page of somebody else's.
    """

    def __init__(
        self,
        origins: Iterable[str],
        made: Mapping[str, "Maker"],
        shared: SharedFiles | None = None,
        also: Iterable[str] = (),
        shows_images: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """
        Args:
            origins: more from which a page may come, such as `https://chat.example.org`.
            made: what is made when it is asked for, by its path.
            shared: the files that people offer in rooms; None if there are none.
            also: the other servers of the chat, such as `10.0.0.7:7878`. Pages of this one may
                open WebSockets there, and theirs here.
            shows_images: whether images that are offered in a room are shown, by its name.
        """
        self.shared = shared
        self.shows_images = shows_images
        self._origins = tuple(origins)
        self._also = tuple(also)
        own = socket.gethostname()
        self._names = {"localhost", own.lower(), f"{own.partition('.')[0]}.local".lower()}
        self._names.update(_host_of(origin.partition("://")[2]) for origin in self._origins)
        self._makers = dict(made)
        # Held while something is made: one thing at a time, for whoever asks; nobody else waits.
        self._making = threading.Lock()
        self._made: OrderedDict[tuple[str, str], tuple[bytes, str]] = (
            OrderedDict()
        )  # last used last
        self._parts = _page_parts()

    def checked_host(self, request: Request) -> str:
        """Return which host is asked for, with its port if that is named.

        Raises:
            Refused: there is none, or it is not this server.
        """
        try:
            host = request.headers.get("Host")
        except MultipleValuesError:
            host = None
        if not host or not _HOST.fullmatch(host):
            raise Refused(HTTPStatus.BAD_REQUEST, "A request names one Host, and a real one.")
        name = _host_of(host)
        if name in self._names or _is_address(name):
            return host
        raise Refused(
            HTTPStatus.MISDIRECTED_REQUEST,
            f"This server is not called {name[:100]!r}: --origin adds a name.",
        )

    def origins(self, host: str) -> tuple[str, ...]:
        """Return from where a page may open a WebSocket that was asked for as `host`."""
        own = (host, *self._also)
        return (*(f"{scheme}://{each}" for each in own for scheme in _SCHEMES), *self._origins)

    def refuse_plain(self, request: Request) -> Refused:
        """Return what somebody gets who should have used https: a page that leads there.

        Raises:
            Refused: as `checked_host` does.
        """
        host = self.checked_host(request)
        url = f"https://{host}/"
        link = f'<a href="{url}">{url}</a>'
        page = f"<!doctype html><title>https</title><p>This server speaks https: {link}"
        headers = {"Content-Type": _TYPES[".html"], **_page_headers((host, *self._also))}
        return Refused(HTTPStatus.BAD_REQUEST, page, headers)

    def makes(self, request: Request) -> bool:
        """Whether what is asked for has to be made first, which may take a while."""
        return request.path.partition("?")[0] in self._makers

    def answer(self, request: Request, *, secure: bool) -> Response:
        """Return the response to a GET or HEAD.

        Args:
            request: what is asked.
            secure: whether it came over TLS.

        Raises:
            Refused: there is no such thing.
        """
        host = self.checked_host(request)
        hosts = (host, *self._also)
        path = request.path.partition("?")[0]
        if path == "/healthz":
            return _response(b"ok\n", _TEXT, hosts)
        if path == "/robots.txt":
            return _response(_ROBOTS, _TEXT, hosts)
        if path in self._makers:
            body, type_ = self._make(path, f"{'https' if secure else 'http'}://{host}/")
            return _response(body, type_, hosts)
        part = self._parts.get(_PAGES.get(path, path))
        if part is None:
            text = f"There is no {path[:100]} here."
            raise Refused(HTTPStatus.NOT_FOUND, text, _page_headers(hosts))
        return _part_response(part, request, hosts)

    def _make(self, path: str, address: str) -> tuple[bytes, str]:
        """Return what a maker makes, from memory if that was asked for lately."""
        with self._making:
            kept = self._made.pop((path, address), None) or self._makers[path](address)
            self._made[path, address] = kept
            if len(self._made) > MADE_LIMIT:
                self._made.popitem(last=False)
            return kept


Maker = Callable[[str], tuple[bytes, str]]
"""Makes a body and its content type; is given the address of the page, as it was asked for."""


@cache
def _page_parts() -> Mapping[str, _Part]:
    """The files of the page by their path. They are read once: the program has no others."""
    return {
        f"/assets/{path}": _part(path, each.read_bytes())
        for path, each in _files_in(files("chat_server.gateways").joinpath("page"))
        if _ending(path) in _TYPES
    }


def _files_in(folder: Traversable, path: str = "") -> Iterator[tuple[str, Traversable]]:
    """The files in a folder and in those within it, each with its path from there."""
    for each in folder.iterdir():
        if each.is_dir():
            yield from _files_in(each, f"{path}{each.name}/")
        else:
            yield f"{path}{each.name}", each


def _part(name: str, body: bytes) -> _Part:
    tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    return _Part(body, _TYPES[_ending(name)], tag)


def _ending(name: str) -> str:
    return name[name.rfind(".") :]


def _part_response(part: _Part, request: Request, hosts: Sequence[str]) -> Response:
    response = _response(part.body, part.type, hosts)
    response.headers["ETag"] = part.tag
    response.headers["Cache-Control"] = "no-cache"
    known = ",".join(request.headers.get_all("If-None-Match"))
    if part.tag in known or known.strip() == "*":
        status = HTTPStatus.NOT_MODIFIED
        del response.headers["Content-Type"]
        return Response(status.value, status.phrase, response.headers, b"")
    return response


def _page_headers(hosts: Iterable[str]) -> dict[str, str]:
    """What every page is sent with, and whatever else a browser may show as one.

    Safari wants the address of a WebSocket named, also that of the page's own server.

    Args:
        hosts: the servers to which a page may open one.
    """
    sockets = " ".join(f"ws://{host} wss://{host}" for host in hosts)
    return {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            f"connect-src 'self' {sockets}; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        ),
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def _response(body: bytes, type_: str, hosts: Iterable[str]) -> Response:
    headers = Headers({"Content-Type": type_, "X-Content-Type-Options": "nosniff"})
    headers.update(_page_headers(hosts))
    return Response(HTTPStatus.OK.value, HTTPStatus.OK.phrase, headers, body)


def _host_of(authority: str) -> str:
    """A host without its port: `[::1]:7878` is `::1`."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0].lower()
    return authority.partition(":")[0].lower().rstrip(".")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
