"""HTTP/1.1 on the port of the chat: what is there, and what is refused, and how."""

from collections.abc import Callable

import pytest

from chat_server.delivery.fair_queue import ServerWaiter
from chat_server.runtime.round_robin import Party
from tests.chat_server.house import House
from tests.support.servers import address_of, running_server
from tests.support.text_peer import TextPeer
from tests.support.waiting import eventually
from tests.support.web import get, upgrade


def ask(house: House, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send one request, and return status, headers and body."""
    with TextPeer(house.address) as peer:
        peer.send_raw(request)
        return read_answer(peer, head_only=request.startswith(b"HEAD"))


def read_answer(peer: TextPeer, *, head_only: bool = False) -> tuple[int, dict[str, str], bytes]:
    """Read one answer."""
    first, *lines = peer.until(b"\r\n\r\n").decode().split("\r\n")[:-2]
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    length = 0 if head_only else int(headers.get("content-length", "0"))
    return int(first.split()[1]), headers, peer.exactly(length)


@pytest.mark.parametrize(
    ("path", "body"), [("/healthz", b"ok\n"), ("/robots.txt", b"User-agent: *\nDisallow: /\n")]
)
def test_the_small_answers(house: House, path: str, body: bytes) -> None:
    """In full, and by HEAD without the body."""
    assert ask(house, get(path))[::2] == (200, body)
    status, headers, _ = ask(house, get(path, method="HEAD"))
    assert (status, headers["content-length"]) == (200, str(len(body)))


def test_one_request_after_the_other(house: House) -> None:
    """On one connection, also if all come at once; until the client asks for the end."""
    with TextPeer(house.address) as peer:
        peer.send_raw(get("/healthz") + get("/nothing") + get("/healthz", Connection="close"))
        assert [read_answer(peer)[0] for _ in range(3)] == [200, 404, 200]
        assert peer.rest() == b""


def test_http_1_0_ends_after_the_answer(house: House) -> None:
    """As it did."""
    with TextPeer(house.address) as peer:
        peer.send_raw(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert peer.rest().endswith(b"ok\n")


LONG = "x" * 9000

REFUSED = {
    "unknown": (get("/nothing"), 404),
    "climbing": (get("/assets/../http.py"), 404),
    "post": (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello", 405),
    "delete": (get("/", method="DELETE"), 405),
    "options": (get("*", method="OPTIONS"), 405),
    "body": (get("/", Content_Length="5") + b"hello", 413),
    "length-of-no-number": (get("/", Content_Length="x"), 400),
    "length-below-0": (get("/", Content_Length="-1"), 400),
    "two-lengths": (get("/", Content_Length="0, 5"), 400),
    "no-path": (get("nothing"), 400),
    "chunks": (get("/", Transfer_Encoding="chunked") + b"0\r\n\r\n", 413),
    "long-line": (get(f"/{LONG}"), 414),
    "long-headers": (get("/", Cookie=LONG), 431),
    "many-headers": (get("/", **{f"X-{n}": "y" for n in range(300)}), 431),
    "no-host": (get("/", ""), 400),
    "two-hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "host-of-headers": (get("/", "localhost:80; script-src *"), 400),
    "foreign-host": (get("/", "evil.example"), 421),
    "http-2": (b"PRI * HTTP/2.0\r\n\r\n", 400),
    "no-version": (b"GET /\r\n\r\n", 400),
    "bare-line-feeds": (b"GET / HTTP/1.1\nHost: localhost\n\n", 400),
    "no-header": (b"GET / HTTP/1.1\r\nnonsense\r\n\r\n", 400),
    "nul": (b"GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "ws-without-upgrade": (get("/ws"), 426),
    "ws-of-another-version": (upgrade(Sec_WebSocket_Version="8"), 426),
    "ws-without-key": (upgrade(Sec_WebSocket_Key=""), 400),
    "ws-with-a-bad-key": (upgrade(Sec_WebSocket_Key="abc"), 400),
    "ws-from-elsewhere": (upgrade(Origin="https://evil.example"), 403),
    "ws-from-a-file": (upgrade(Origin="null"), 403),
    "ws-of-a-foreign-host": (upgrade(host="evil.example"), 421),
    "ws-by-head": (upgrade().replace(b"GET", b"HEAD"), 426),
    "absolute-of-another-scheme": (get("ftp://localhost/"), 400),
    "absolute-of-a-foreign-host": (get("http://evil.example/"), 421),
    "absolute-without-a-host": (get("http:///"), 400),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_and_how(house: House, name: str) -> None:
    """A status and a sentence; and nobody else is held up."""
    ada = house.enter("ada", "lobby")
    request, status = REFUSED[name]
    with TextPeer(house.address) as peer:
        peer.send_raw(request)
        found, headers, body = read_answer(peer, head_only=request.startswith(b"HEAD"))
    assert found == status
    if not request.startswith(b"HEAD"):
        assert headers["content-type"].startswith("text/plain")
        assert body.decode().strip().endswith(".")
    ada.ping()


@pytest.mark.parametrize("path", ["/nothing", "/ws"])
def test_a_refusal_by_head_has_no_body(house: House, path: str) -> None:
    """The next answer on the connection follows at once (RFC 9110, 9.3.2)."""
    by_get = ask(house, get(path))
    with TextPeer(house.address) as peer:
        peer.send_raw(get(path, method="HEAD") + get("/healthz"))
        assert read_answer(peer, head_only=True)[0] == by_get[0]
        assert read_answer(peer)[::2] == (200, b"ok\n")


def test_the_time_that_is_over_is_told_by_head_too() -> None:
    """Without a body: what was asked by HEAD has none."""
    with running_server(hello_timeout=0.3) as server, TextPeer(address_of(server)) as peer:
        peer.send_raw(get("/healthz", method="HEAD")[:20])
        head, _, body = peer.rest().partition(b"\r\n\r\n")
        assert (head.split()[1], body) == (b"408", b"")


def test_an_upgrade_that_is_needed_is_named(house: House) -> None:
    """As an option of the connection, too (RFC 9110, 7.8)."""
    headers = ask(house, get("/ws"))[1]
    assert (headers["upgrade"], headers["connection"]) == ("websocket", "Upgrade")


def test_a_request_as_a_proxy_gets_it(house: House) -> None:
    """Of the absolute form (RFC 9112, 3.2.2): its host counts, whatever the header says."""
    assert ask(house, get("http://localhost:7878/healthz", "evil.example"))[::2] == (200, b"ok\n")
    assert ask(house, get("HTTP://localhost"))[0] == 200


def test_what_is_known_is_not_sent_again(house: House) -> None:
    """By its tag, or by any (RFC 9110, 13.1.2)."""
    tag = ask(house, get("/"))[1]["etag"]
    for known in (tag, f'"x", {tag}', f"W/{tag}", "*"):
        status, headers, body = ask(house, get("/", If_None_Match=known))
        assert (status, headers["etag"], body) == (304, tag, b"")
    assert ask(house, get("/", If_None_Match='"x"'))[0] == 200


@pytest.mark.parametrize(
    "path",
    ["/", "/wall", "/dist/", "/?room=lobby", "/qr.svg", "/assets/icon.svg", "/healthz", "/x"],
)
def test_every_page_has_its_policy(house: House, path: str) -> None:
    """Also the one that a program reads, a picture, and that there is none."""
    status, headers, _ = ask(house, get(path))
    assert status == (404 if path == "/x" else 200)
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"


@pytest.mark.parametrize("cut", [1, 5, 30])
def test_half_a_request_is_told_that_its_time_is_over(cut: int) -> None:
    """408, if it was clear that it is HTTP; silence, for who asked nothing more."""
    with running_server(hello_timeout=0.3) as server:
        with TextPeer(address_of(server)) as peer:
            peer.send_raw(get("/healthz")[: cut + 4])
            assert peer.rest().startswith(b"HTTP/1.1 408 ")
        with TextPeer(address_of(server)) as peer:
            peer.send_raw(get("/healthz"))
            assert peer.rest().count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("origin", ["http://localhost", "https://localhost", ""])
def test_from_where_a_websocket_may_come(house: House, origin: str) -> None:
    """From a page of this host, or from no page at all."""
    assert ask(house, upgrade(Origin=origin))[0] == 101


def test_other_servers_of_the_chat() -> None:
    """`--also`: pages may go from one to the other, and from nowhere else."""
    with running_server(also=("10.0.0.7:7878",)) as server, House(server) as house:
        policy = ask(house, get("/"))[1]["content-security-policy"]
        assert " ws://localhost wss://localhost ws://10.0.0.7:7878 wss://10.0.0.7:7878;" in policy
        assert ask(house, upgrade(Origin="http://10.0.0.7:7878"))[0] == 101
        assert ask(house, upgrade(Origin="https://10.0.0.7:7878"))[0] == 101
        assert ask(house, upgrade(Origin="http://10.0.0.8:7878"))[0] == 403


def test_other_names_that_are_given() -> None:
    """`--origin` says by which address people come."""
    with running_server(origins=("https://chat.example.org",)) as server, House(server) as house:
        assert ask(house, get("/healthz", "chat.example.org"))[0] == 200
        asked = upgrade(host="chat.example.org", Origin="https://chat.example.org")
        assert ask(house, asked)[0] == 101


class _Working:
    """Somebody at the address of the tests who does what takes long."""

    party = Party("127.0.0.1", "somebody else")
    is_gone = False

    def wait_while(self, waits: Callable[["_Working"], bool]) -> bool:
        return not waits(self)

    def wake(self) -> None:
        pass


def test_what_takes_long_is_done_for_one_at_an_address(house: House) -> None:
    """Others wait for it on their own threads, and whoever wants something else does not."""
    server = house.server
    assert server is not None
    works = server._parts.works
    with TextPeer(house.address) as first, TextPeer(house.address) as second:
        with works.place(_Working()):
            for count, peer in enumerate((first, second), 1):
                peer.send_raw(get("/qr.svg"))
                eventually(lambda count=count: works.waiting == count)  # type: ignore[misc]
            house.enter("ada", "lobby").say("lobby", "tea?")
            with TextPeer(house.address) as third:
                third.send_raw(get("/healthz"))
                assert third.line().startswith("HTTP/1.1 200 ")
        for peer in (first, second):
            assert peer.line().startswith("HTTP/1.1 200 ")


def test_each_head_is_read_in_the_queue_of_short_requests(house: House) -> None:
    """Also those behind what takes long, or fifty clients would read theirs all at once."""
    server = house.server
    assert server is not None
    works, queue, holder = server._parts.works, server._parts.short_queue, ServerWaiter("a test")
    with TextPeer(house.address) as peer:
        with works.place(_Working()):
            peer.send_raw(get("/qr.svg") * 2)
            eventually(lambda: works.waiting == 1)
            assert queue.enter(holder)
        eventually(lambda: queue.waiting == 1)
        assert works.waiting == 0
        queue.leave(holder)
        for _ in range(2):
            assert peer.see("HTTP/1.1 200 ")
