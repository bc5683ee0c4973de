"""What the server makes for those who ask: the QR code and the wheel."""

import io
import zipfile
from http.client import HTTPConnection

from chat_server.gateways.web.handouts import handouts
from chat_server.gateways.web.wheel import wheel_name
from chat_server.network.addresses import Address, page_url
from tests.chat_server.house import House


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
