"""Files over HTTP: whole, in parts, broken off, and by who means no good."""

import hashlib
import http.client
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chat_server.gateways.web.file_transfer import BODY_LIMIT, PIECE
from chat_server.runtime.config.setting_types import Keep
from tests.chat_server.house import House
from tests.chat_server.moderation.order_house import OrderedHouse, ordered_house
from tests.support.images import SMALL, SVG, png
from tests.support.text_peer import TextPeer
from tests.support.waiting import eventually

Reply = tuple[int, dict[str, str], bytes]
DATA = os.urandom(300_000)
SHA256 = hashlib.sha256(DATA).hexdigest()


@contextmanager
def _talking(house: House) -> Iterator[http.client.HTTPConnection]:
    host, _, port = house.address.rpartition("//")[2].rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    try:
        yield connection
    finally:
        connection.close()


def ask(house: House, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
    """Ask for something; `_` in a header's name stands for `-`."""
    with _talking(house) as connection:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body or None, named)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return response.status, found, response.read()


def put(house: House, path: str, data: bytes, start: int = 0, size: int | None = None) -> Reply:
    """Send a piece of a file."""
    end, size = start + len(data) - 1, start + len(data) if size is None else size
    return ask(house, "PUT", path, data, Content_Range=f"bytes {start}-{end}/{size}")


def _offer(place: OrderedHouse, name: str = "a.bin", data: bytes = DATA) -> tuple[str, str]:
    """Announce a file. Returns where it is sent to, and its number."""
    sha256 = hashlib.sha256(data).hexdigest()
    ok = place.mia.ok("offer", room="lobby", name=name, size=len(data), sha256=sha256)
    return ok["upload"], ok["file"]


def _shared(place: OrderedHouse, name: str = "a.bin", data: bytes = DATA) -> str:
    upload, number = _offer(place, name, data)
    assert put(place, upload, data)[0] == 201
    place.mia.ok("share", room="lobby", file=number)
    path: str = place.ada.expect("message", kind="file")["file"]
    return path


def test_a_file_comes_back_as_it_was_sent(place: OrderedHouse) -> None:
    """In pieces, on one connection."""
    upload, number = _offer(place)
    with _talking(place) as connection:
        for start in range(0, len(DATA), 100_000):
            span = f"bytes {start}-{start + 99_999}/{len(DATA)}"
            connection.request(
                "PUT", upload, DATA[start : start + 100_000], {"Content-Range": span}
            )
            response = connection.getresponse()
            have = start + 100_000
            assert response.status == (201 if have == len(DATA) else 200)
            assert (response.read(), response.headers["Upload-Offset"]) == (
                f"{have}\n".encode(),
                str(have),
            )
        place.mia.ok("share", room="lobby", file=number)
        connection.request("GET", place.ada.expect("message", kind="file")["file"])
        assert connection.getresponse().read() == DATA


def test_a_file_is_never_shown_as_a_page(place: OrderedHouse) -> None:
    """Whatever its name says, the browser downloads it and runs nothing."""
    path = _shared(place, 'x"\r\nSet-Cookie: a=b;.html')
    status, headers, _ = ask(place, "GET", path)
    assert status == 200
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"] == (
        "attachment; filename*=UTF-8''xSet-Cookie%20a%3Db%3B.html"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "set-cookie" not in headers


@pytest.mark.parametrize("name", SMALL)
def test_an_image_is_shown_where_that_is_allowed(place: OrderedHouse, name: str) -> None:
    """As what it holds, whatever it is called; else it is downloaded. It never runs."""
    kind, data = SMALL[name]
    path = _shared(place, "page.html", data)
    _, before, body = ask(place, "GET", path)
    assert body == data
    assert before["content-type"] == "application/octet-stream"
    assert before["content-disposition"].startswith("attachment;")
    place.mia.ok("set_rules", room="lobby", images=True)
    status, headers, body = ask(place, "GET", path)
    assert (status, headers["content-type"], body) == (200, kind, data)
    assert headers["content-disposition"] == "inline; filename*=UTF-8''page.html"
    assert headers["content-security-policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["etag"] != before["etag"]
    place.mia.ok("set_rules", room="lobby", images=False)
    assert ask(place, "GET", path)[1]["content-disposition"].startswith("attachment;")


@pytest.mark.parametrize("data", [SVG, b"<!doctype html><script>1</script>", DATA])
def test_what_is_no_image_is_downloaded_anywhere(place: OrderedHouse, data: bytes) -> None:
    """Whatever its name says."""
    path = _shared(place, "a.png", data)
    place.mia.ok("set_rules", room="lobby", images=True)
    _, headers, _ = ask(place, "GET", path)
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment;")


def test_an_image_that_a_browser_has_is_not_sent_again(place: OrderedHouse) -> None:
    """It asks each time, so one that was deleted is shown no more."""
    path = _shared(place, "a.png", png(3, 2))
    place.mia.ok("set_rules", room="lobby", images=True)
    _, headers, _ = ask(place, "GET", path)
    assert headers["cache-control"] == "private, no-cache"
    tag = headers["etag"]
    status, headers, body = ask(place, "GET", path, If_None_Match=tag)
    assert (status, headers["etag"], body) == (304, tag, b"")
    assert "content-length" not in headers
    place.ada.ok("delete", room="lobby", seq=1)
    eventually(lambda: ask(place, "GET", path, If_None_Match=tag)[0] == 404)


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=299990-", 299_990, 300_000),
        ("bytes=-5", 299_995, 300_000),
        ("bytes=10-999999999", 10, 300_000),
    ],
)
def test_a_part_is_sent(place: OrderedHouse, asked: str, start: int, end: int) -> None:
    """With which one it is (RFC 9110, 14); without a body to HEAD."""
    path = _shared(place)
    status, headers, body = ask(place, "GET", path, Range=asked)
    assert (status, body) == (206, DATA[start:end])
    assert headers["content-range"] == f"bytes {start}-{end - 1}/300000"
    status, headers, body = ask(place, "HEAD", path, Range=asked)
    assert (status, headers["content-length"], body) == (206, str(end - start), b"")


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=1-2", "bytes=-", "bytes=x-"])
def test_a_range_that_is_not_understood_is_all_of_it(place: OrderedHouse, asked: str) -> None:
    """As the standard has it; so is one of another file."""
    path = _shared(place)
    assert ask(place, "GET", path, Range=asked)[::2] == (200, DATA)
    assert ask(place, "GET", path, Range="bytes=5-", If_Range='"another"')[::2] == (200, DATA)


@pytest.mark.parametrize("asked", ["bytes=300000-", "bytes=9-5"])
def test_a_part_that_is_not_there_is_refused(place: OrderedHouse, asked: str) -> None:
    """And the size told."""
    status, headers, _ = ask(place, "GET", _shared(place), Range=asked)
    assert (status, headers["content-range"]) == (416, "bytes */300000")


def test_nobody_fetches_what_is_not_offered(place: OrderedHouse) -> None:
    """Nor guesses it; nor by another path."""
    upload, number = _offer(place)
    put(place, upload, DATA)
    for path in (f"/files/{number}/a.bin", f"/files/{'0' * 32}/a", "/files/../lock", "/files/"):
        assert ask(place, "GET", path)[0] == 404
    path = _shared(place, "b.bin")
    assert ask(place, "GET", path, Host="evil.example")[0] == 421


def test_a_piece_that_does_not_fit_is_refused(place: OrderedHouse) -> None:
    """The answer says where to go on."""
    upload, _ = _offer(place)
    assert put(place, upload, DATA[:1000], size=len(DATA))[0] == 200
    status, headers, _ = put(place, upload, DATA[:1000], size=len(DATA))
    assert (status, headers["upload-offset"]) == (409, "1000")
    assert put(place, upload, DATA[2000:], start=2000)[0] == 409
    wrong = upload[:-1] + ("0" if upload[-1] != "0" else "1")
    assert put(place, wrong, DATA[1000:], start=1000)[0] == 404
    assert put(place, upload, DATA[1000:], start=1000)[0] == 201
    assert put(place, upload, DATA[:1], size=len(DATA))[0] == 409


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("PUT /files/{0}/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5", 404),
        ("PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5", 405),
        ("PUT {1} HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 5", 421),
        ("PUT {1} HTTP/1.1\r\nHost: localhost", 411),
        ("PUT {1} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked", 411),
        (f"PUT {{1}} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {BODY_LIMIT + 1}", 413),
        ("PUT {1} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0", 413),
        ("PUT {1} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 5", 400),
        (
            "PUT {1} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
            "Content-Range: bytes 0-9/10",
            400,
        ),
        ("PUT {1} HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5", 411),
    ],
)
def test_what_is_no_upload_is_refused_and_cut_off(
    place: OrderedHouse, head: str, status: int
) -> None:
    """Before its body is read: that would be read as the next request."""
    upload, number = _offer(place)
    with TextPeer(place.address) as peer:
        peer.send_raw(head.format(number, upload).encode() + b"\r\n\r\n12345")
        answer = peer.rest()
    assert answer.split()[1] == str(status).encode(), answer
    assert answer.count(b"HTTP/1.1") == 1


def test_whoever_asks_before_sending_is_told_to_go_on(place: OrderedHouse) -> None:
    """As curl does."""
    upload, _ = _offer(place)
    head = f"PUT {upload} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
    with TextPeer(place.address) as peer:
        peer.send_raw(f"{head}Expect: 100-continue\r\nConnection: close\r\n\r\n".encode())
        assert peer.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        peer.send_raw(DATA[:5])
        assert peer.until(b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_whoever_cancels_gets_their_space_back(place: OrderedHouse) -> None:
    """With the secret alone; what is offered in the room stays."""
    upload, number = _offer(place)
    put(place, upload, DATA[:1000], size=len(DATA))
    wrong = upload[:-1] + ("0" if upload[-1] != "0" else "1")
    assert ask(place, "DELETE", wrong)[0] == 404
    assert ask(place, "DELETE", upload, Host="evil.example")[0] == 421
    for path in (f"/files/{number}", "/files/", "/assets/index.html"):
        assert ask(place, "DELETE", path)[0] == 405
    status, headers, body = ask(place, "DELETE", upload)
    assert (status, "content-length" in headers, body) == (204, False, b"")
    assert ask(place, "DELETE", upload)[0] == 404
    assert put(place, upload, DATA[1000:], start=1000)[0] == 404
    upload, number = _offer(place)
    put(place, upload, DATA)
    place.mia.ok("share", room="lobby", file=number)
    assert ask(place, "DELETE", upload)[0] == 403
    assert ask(place, "GET", place.ada.expect("message", kind="file")["file"])[2] == DATA


def test_a_broken_upload_keeps_what_came(tmp_path: Path) -> None:
    """Whoever offers it again goes on from there, and nobody waits meanwhile."""
    with ordered_house(tmp_path) as place:
        upload, number = _offer(place)
        head = f"PUT {upload} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(DATA)}\r\n\r\n"
        part = tmp_path / "files" / f"{number}.part"
        with TextPeer(place.address) as peer:
            peer.send_raw(head.encode() + DATA[: 2 * PIECE + 100])
            eventually(lambda: part.exists() and part.stat().st_size >= PIECE)
            place.ada.ping()
        again = place.mia.ok("offer", room="lobby", name="a.bin", size=len(DATA), sha256=SHA256)
        have = part.stat().st_size
        assert (again["file"], again["have"]) == (number, have)
        assert put(place, again["upload"], DATA[have:], start=have)[0] == 201


def test_a_reader_that_stops_holds_up_nobody(place: OrderedHouse) -> None:
    """Its own thread waits; what is sent ahead is bounded."""
    path = _shared(place)
    with TextPeer(place.address) as peer:
        for _ in range(60):
            peer.send_raw(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        for number in range(5):
            place.mia.say("lobby", f"{number}")
        assert ask(place, "GET", path)[2] == DATA


def test_a_file_goes_with_its_message() -> None:
    """When that is too old to be kept, or its room is removed."""
    with ordered_house(keep=Keep(messages=1), interval=0.05) as place:
        path = _shared(place)
        assert ask(place, "GET", path)[0] == 200
        place.mia.say("lobby", "one more")
        eventually(lambda: ask(place, "GET", path)[0] == 404)


def test_a_deleted_message_takes_its_file_along() -> None:
    """At once, whoever deletes it."""
    with ordered_house() as place:
        path = _shared(place)
        place.ada.ok("delete", room="lobby", seq=1, reason="not here")
        eventually(lambda: ask(place, "GET", path)[0] == 404)
