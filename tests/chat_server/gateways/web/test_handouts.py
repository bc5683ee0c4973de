"""What the server makes for those who ask: the QR code and the wheel."""

import io
import threading
import zipfile
from http.client import HTTPConnection

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request

from chat_server.gateways.web import handouts as handouts_module
from chat_server.gateways.web.handouts import handouts
from chat_server.gateways.web.site import MADE_LIMIT, Site
from chat_server.gateways.web.wheel import wheel_name
from chat_server.network.addresses import Address, page_url
from tests.chat_server.house import House
from tests.support.servers import running_server
from tests.support.waiting import DEADLINE, eventually


def get(house: House, path: str) -> tuple[int, bytes]:
    """Ask for something."""
    host, _, port = house.address.removeprefix("tcp://").rpartition(":")
    connection = HTTPConnection(host, int(port), timeout=20)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_the_wheel_is_there_under_its_name(house: House) -> None:
    """And pip finds it in the list; it holds the page, too."""
    status, index = get(house, "/dist/")
    assert (status, wheel_name() in index.decode()) == (200, True)
    status, wheel = get(house, f"/dist/{wheel_name()}")
    assert status == 200
    names = zipfile.ZipFile(io.BytesIO(wheel)).namelist()
    page = "chat_server/gateways/page"
    wanted = {"index.html", "js/main.js", "css/log.css", "js/net/session.js", "commands.json"}
    assert {f"{page}/{each}" for each in wanted} <= set(names)


def test_the_other_servers_of_the_chat_are_listed(house: House) -> None:
    """A page asks for them; most servers have none."""
    assert get(house, "/also.json") == (200, b"[]")
    assert handouts([], ("a:1", "b"))["/also.json"]("") == (b'["a:1","b"]', "application/json")


def test_the_qr_code_is_of_the_page(house: House) -> None:
    """As it was asked for, where others cannot come in anyway."""
    status, picture = get(house, "/qr.svg")
    assert status == 200
    assert house.address.removeprefix("tcp://") in picture.decode()


def test_the_qr_code_leads_others_here() -> None:
    """Where somebody looks at it on the server's machine, under a name that others cannot use."""
    addresses = [Address("0.0.0.0", 7878)]
    picture = handouts(addresses)["/qr.svg"]
    url = page_url(addresses) or "http://localhost:7878/"
    assert url in picture("http://localhost:7878/")[0].decode()
    assert "http://10.1.2.3:7878/" in picture("http://10.1.2.3:7878/")[0].decode()


def test_the_wheel_is_made_once_and_nobody_else_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ask for it at once, and however long it takes."""
    made, may_go_on = list[bytes](), threading.Event()

    def build() -> bytes:
        made.append(b"wheel")
        assert may_go_on.wait(DEADLINE)
        return made[-1]

    monkeypatch.setattr(handouts_module, "build_wheel", build)
    with running_server() as server, House(server) as house:
        answers: list[tuple[int, bytes]] = []
        path = f"/dist/{wheel_name()}"
        threads = [
            threading.Thread(target=lambda: answers.append(get(house, path))) for _ in range(5)
        ]
        try:
            for thread in threads:
                thread.start()
            eventually(lambda: made)
            ada, ben = house.enter("ada", "lobby"), house.enter("ben", "lobby")
            ada.say("lobby", "hi")
            assert ben.expect("message")["text"] == "hi"
        finally:
            may_go_on.set()
            for thread in threads:
                thread.join()
    assert answers == 5 * [(200, b"wheel")]
    assert made == [b"wheel"]


def test_only_so_much_of_what_was_made_is_kept() -> None:
    """Each name of the server has a QR code of its own, and anybody can make names up."""
    asked: list[str] = []

    def make(address: str) -> tuple[bytes, str]:
        asked.append(address)
        return b"x", "image/svg+xml"

    site = Site([], {"/qr.svg": make})

    def ask(number: int) -> None:
        headers = Headers({"Host": f"10.0.0.{number}"})
        site.answer(Request("/qr.svg", headers), secure=False)

    for number in (1, 1, 2, 1):
        ask(number)
    assert len(asked) == 2
    for number in range(3, 3 + MADE_LIMIT):
        ask(number)
    ask(1)
    assert len(asked) == 3 + MADE_LIMIT
    assert len(site._made) == MADE_LIMIT
