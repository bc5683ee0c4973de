"""What the server makes for those who ask by HTTP.

The QR code of the page, the list of the chat's other servers, and the server's own wheel.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from chat_server.gateways.web.site import Maker
from chat_server.gateways.web.wheel import WheelError, build_wheel, wheel_name
from chat_server.network.addresses import Address, is_loopback, page_url


def handouts(addresses: Sequence[Address], also: Sequence[str] = ()) -> dict[str, Maker]:
    """Return what there is, by its path.

    Args:
        addresses: where the server listens. It may still grow.
        also: the other servers of the chat, as browsers name them.
    """

    def qr_picture(asked: str) -> tuple[bytes, str]:
        # Only now: few servers are ever asked for it.
        from chat_server.gateways.web.qr_code import qr_svg

        # A phone does not understand how this machine alone calls itself.
        own = is_loopback(urlsplit(asked).hostname or "")
        url = (page_url(addresses) if own else None) or asked
        return qr_svg(url), "image/svg+xml"

    others = msgspec.json.encode(also)
    made: dict[str, Maker] = {
        "/qr.svg": qr_picture,
        "/also.json": lambda _: (others, "application/json"),
    }
    try:
        name = wheel_name()
    except WheelError:
        return made  # the code is not installed: there can be no wheel
    # What pip's --find-links reads, and the page.
    index = f'<!doctype html><title>dist</title><a href="{name}">{name}</a>\n'.encode()
    made["/dist/"] = lambda _: (index, "text/html; charset=utf-8")
    made[f"/dist/{name}"] = lambda _: (build_wheel(), "application/zip")
    return made
