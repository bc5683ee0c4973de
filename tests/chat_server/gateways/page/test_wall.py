"""The wall page, for a projector."""

from urllib.parse import urlsplit

from tests.chat_server.gateways.page.looks import nameless, poor_contrasts, sticking_out
from tests.chat_server.gateways.page.site import TRY_NOW, Site, claim

PROJECTOR = (1920, 1080)


def test_the_wall_shows_the_way_in_and_what_is_said(site: Site) -> None:
    """QR code and address, who is here, the latest messages; the wall itself is not counted."""
    ana = site.enter("ana")
    ana.enter("before")
    ana.see_said("before")
    wall = site.open("wall", size=PROJECTOR)
    wall.see("before")
    ana.enter("/topic Networks")
    ana.enter("after")
    wall.see("after")
    wall.see("Networks", ".said header")
    wall.see("Here: 1")
    assert wall.texts("#nicks li") == ["ana"]
    wall.until(lambda: wall.run("document.querySelector('#qr').naturalWidth") > 0, "the QR code")
    wall.see(urlsplit(site.url).netloc, "#address")
    assert poor_contrasts(wall) == []
    assert sticking_out(wall) == []
    assert nameless(wall) == []


def test_hands_are_on_the_wall_of_a_moderator(site: Site) -> None:
    """Where the wall is a window of the moderator's browser, or is a moderator itself."""
    teacher, ben = site.enter("teacher"), site.enter("ben")
    claim(teacher, site)
    beside = site.open("wall", size=PROJECTOR, beside=teacher)
    beside.see("Here: 2")
    apart = site.open("wall", size=PROJECTOR)
    apart.see("Here: 3")
    teacher.enter("/freeze")
    ben.choose("Raise your hand")
    beside.see("Hands up: 1")
    assert beside.texts("#hands li") == ["ben"]
    assert not apart.is_shown("#hands")
    teacher.enter("/op wall2")
    apart.see("Hands up: 1")
    ben.choose("Take your hand down")
    beside.until(lambda: not beside.is_shown("#hands"), "the hand is down")
    apart.until(lambda: not apart.is_shown("#hands"), "the hand is down")


def test_the_wall_comes_back(site: Site) -> None:
    """After the server did, with each message once."""
    ana = site.enter("ana")
    ana.enter("one")
    wall = site.open("wall")
    wall.see("one")
    site.server.kill()
    wall.see("Connecting", "#status")
    ana.enter("two")
    site.restart()
    ana.run(TRY_NOW)
    wall.until(lambda: wall.said() == ["one", "two"], "both, once")
