"""The live view in the browser, for owners."""

from tests.chat_server.gateways.page.live_site import (
    lag_of,
    look,
    press,
    suspend,
    talkative_class,
)
from tests.chat_server.gateways.page.looks import nameless, poor_contrasts, sticking_out
from tests.chat_server.gateways.page.site import Site
from tests.support.browser import Page


def numbers(page: Page) -> dict[str, str]:
    """The numbers at the top."""
    return dict(
        zip(page.texts("#numbers dt"), page.texts("#numbers dd"), strict=True),
    )


def test_who_is_no_owner_is_asked_for_the_secret(site: Site) -> None:
    """And sees nothing before it is right."""
    page = site.open("live")
    page.see("Only an owner of the server may look")
    assert not page.is_shown("#app")
    page.until(lambda: page.run("document.activeElement?.name === 'secret'"), "the focus")
    page.type("a guess")
    page.press("Enter")
    page.see("this is not the owner's secret", "#screen .error")
    assert poor_contrasts(page) == []
    page.run("document.querySelector('[name=secret]').value = ''")
    look(page, site)
    assert page.is_shown("#app")


def test_the_view_moves(site: Site) -> None:
    """Threads, members, batches and the rate; and it stands still where one wants it to."""
    with talkative_class(site):
        page = site.open("live", size=(1280, 800))
        look(page, site)
        page.until(lambda: int(numbers(page)["messages/s"].replace(",", "")) > 0, "a rate")
        page.see("Messages in a batch:", "#batch")
        page.see("Time of a commit:", "#time")
        page.until(lambda: page.count("#members li") == 12, "the members")
        assert "pupil0 (127.0.0.1" in page.text("#threads")
        assert page.texts("#threads li")[0].startswith("MainThread")
        before = page.text("#status")
        page.until(lambda: page.text("#status") != before, "the next look")
        for size in ((1280, 800), (390, 844)):
            page.resize(*size)
            page.choose("Hold still")
            assert poor_contrasts(page) == []
            assert sticking_out(page) == []
            assert nameless(page) == []
            page.choose("Go on")


def test_a_suspended_connection_lags_and_is_caught_up(site: Site) -> None:
    """From the view itself, in a server without limits."""
    with talkative_class(site):
        page = site.open("live")
        look(page, site)
        suspend(page, "pupil7")
        page.see("suspended", "#members")
        page.until(lambda: lag_of(page, "pupil7") > 50, "a lag")
        page.see("pupil7", "#members li:first-child")
        press(page, "Release pupil7")
        page.until(lambda: lag_of(page, "pupil7") < 20, "no lag")
        press(page, "Cut pupil11")
        page.until(lambda: lag_of(page, "pupil11") == -1, "it is gone")


def test_the_view_comes_back(site: Site) -> None:
    """After the server did, without another question."""
    page = site.open("live")
    look(page, site)
    site.server.kill()
    page.see("Connecting", "#status")
    site.restart()
    page.until(lambda: "Connecting" not in page.text("#status"), "the view goes on")
    page.see("delivery-1", "#threads")
