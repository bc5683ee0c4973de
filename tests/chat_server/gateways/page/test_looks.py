"""The page on a phone and on a projector, in the dark and in the light, without a mouse."""

import pytest

from tests.chat_server.gateways.page.looks import nameless, poor_contrasts, sticking_out, too_small
from tests.chat_server.gateways.page.site import Site, claim
from tests.support.browser import Page

PHONE, LAPTOP, PROJECTOR = (360, 640), (1280, 800), (1920, 1080)
TEXTS = (
    "a line that is long enough to be broken on a phone, whatever the phone's letters are like",
    "a-word-that-cannot-be-broken-" * 5,
    "`code` in it, and https://example.org/a/very/long/address/that/goes/on/and/on/for/ever.html",
    "```python\n" + "print('a long line of code', 'that scrolls sideways by itself')\n" * 3 + "```",
    "/me waves",
)


def check(page: Page) -> None:
    """Show that what is on the page can be read, named and touched."""
    assert poor_contrasts(page) == []
    assert sticking_out(page) == []
    assert nameless(page) == []
    assert too_small(page) == []


def lively(site: Site, page: Page) -> None:
    """Fill a page with all that there can be."""
    other = site.enter("benjamin-the-long-winded-student")
    for text in TEXTS:
        page.run("document.querySelector('#input').focus()")
        page.type(text)
        page.press("Enter")
    other.see("waves")
    other.enter("what do you think of it, ana?")
    page.see("what do you think")
    claim(page, site)
    page.enter("/topic A topic that says at some length what this room is for, and more than that")
    page.enter("/freeze")
    other.choose("Raise your hand")
    page.until(lambda: page.count(".hands-up li") == 1, "the hand")
    other.enter("/msg ana psst")
    page.until(lambda: page.count("#conversation-list li") == 1, "a direct message")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, LAPTOP, PROJECTOR], ids=["phone", "laptop", "projector"])
def test_everything_can_be_read_and_touched(site: Site, size: tuple[int, int], dark: bool) -> None:
    """Contrast AA, names for screen readers, nothing beside the window."""
    page = site.open(size=size, dark=dark, phone=size == PHONE)
    page.until(lambda: page.is_shown("[name=nick]"), "the way in")
    check(page)
    page.type("ana")
    page.press("Enter")
    page.see("#lobby", "#header")
    lively(site, page)
    check(page)
    for opened in (
        "[aria-label='Moderate this room']",
        "#header .people-button",
        "#header .menu-button",
    ):
        if not page.is_shown(opened):
            continue
        page.click(opened)
        check(page)
        page.press("Escape")
    for line in ("/help", "/rooms", "/bans", "/search waves"):
        page.enter(line)
        page.until(lambda: page.count("dialog[open], .result"), line)
        check(page)
        page.press("Escape")


def test_a_phone_has_all_of_it(site: Site) -> None:
    """At 360 pixels the lists lie over the messages, and go when one chose."""
    ben = site.enter("ben", size=PHONE, phone=True)
    ben.enter("/join ops")
    ben.see("#ops", "#header")
    assert not ben.is_shown("#sidebar") or ben.run(
        "document.querySelector('#sidebar').getBoundingClientRect().right <= 0"
    )
    ben.click(".menu-button")
    ben.choose("lobby", "#room-list .label")
    ben.see("#lobby", "#header")
    ben.until(
        lambda: ben.run("document.querySelector('#sidebar').getBoundingClientRect().right <= 0"),
        "the list is gone",
    )
    ben.enter("from a phone")
    ben.see_said("from a phone")
    ben.click("#header .people-button")
    ben.see("Here: 1", "#people")
    ben.click(".drawer-close")
    ben.until(lambda: not ben.is_shown("#shade"), "the list is gone")


def test_the_field_stays_above_a_phone_s_keyboard(site: Site) -> None:
    """The browser tells how much of the window the keyboard leaves."""
    script = """
    const view = new EventTarget();
    Object.assign(view, { height: 640, width: 360, scale: 1, offsetTop: 0 });
    Object.defineProperty(window, 'visualViewport', { value: view });
    """
    ben = site.enter("ben", size=PHONE, phone=True, script=script)
    for number in range(30):
        ben.enter(f"line {number}")
    ben.see_said("line 29")
    ben.run("visualViewport.height = 320; visualViewport.dispatchEvent(new Event('resize'))")
    ben.until(
        lambda: ben.run("document.querySelector('#input').getBoundingClientRect().bottom < 320"),
        "the field is above the keyboard",
    )
    last = "document.querySelector('#messages').lastChild.getBoundingClientRect()"
    field = "document.querySelector('#composer').getBoundingClientRect()"
    ben.until(lambda: ben.run(f"{last}.bottom <= {field}.top + 1"), "the last message is in sight")


def test_the_keyboard_alone_is_enough(site: Site) -> None:
    """Every control can be reached, and the focus is seen."""
    ana = site.enter("ana")
    reached = set()
    ana.run("document.activeElement.blur()")
    for _ in range(40):
        ana.press("Tab")
        reached.add(
            ana.run(
                "(({ ariaLabel, innerText }) =>"
                " (ariaLabel ?? innerText).trim())(document.activeElement)"
            )
        )
    wanted = {
        "Skip to the message field",
        "Join a room",
        "Room lobby",
        "Settings",
        "Search in this room",
    }
    assert wanted <= reached, reached
    ana.enter("one")
    ana.see_said("one")
    ana.press("Control+k")
    ana.see("Go to", "dialog")
    ana.type("ops")
    ana.press("Enter")
    ana.see("#ops", "#header")
    ana.press("Alt+ArrowUp")
    ana.see("#lobby", "#header")
    ana.run("document.querySelector('#scroller').focus()")
    ana.press("Enter")
    assert ana.run("document.activeElement.dataset.seq") == "1"
    ana.press("Enter")
    ana.see("Copy the text", "dialog")
    ana.press("Escape")


FOCUSED = """
(() => {
  const focused = document.activeElement, style = getComputedStyle(focused);
  const around = getComputedStyle(focused.parentElement ?? focused);
  const seen = [style, around].some((each) =>
    each.boxShadow !== 'none' || (each.outlineStyle !== 'none' && each.outlineWidth !== '0px'));
  const name = focused.ariaLabel ?? (focused.innerText.trim() || focused.id);
  return [[...document.querySelectorAll('*')].indexOf(focused), name, seen];
})()
"""


def test_the_focus_goes_in_the_order_of_the_page_and_is_seen(site: Site) -> None:
    """From the rooms over the messages to the field, as one reads (WCAG 2.2, 2.4.3 and 2.4.7)."""
    ana = site.enter("ana")
    ana.enter("one")
    ana.see_said("one")
    assert ana.count("[tabindex]:not([tabindex='0'], [tabindex='-1'])") == 0
    ana.run("document.querySelector('.skip').focus()")
    steps: list[tuple[int, str, bool]] = []
    while len(steps) < 40 and not ana.run("document.activeElement.id === 'input'"):
        ana.press("Tab")
        steps.append(tuple(ana.run(FOCUSED)))
    assert ana.run("document.activeElement.id === 'input'"), steps
    places = [place for place, _, _ in steps]
    assert len(steps) > 8
    assert places == sorted(set(places)), steps
    assert [name for _, name, seen in steps if not seen] == []


MOVING = """
[...document.querySelectorAll('*')].filter((each) => {
  const { animationName, transitionDuration } = getComputedStyle(each);
  return animationName !== 'none' || transitionDuration.split(',').some((each) => parseFloat(each));
}).length
"""


def test_nothing_moves_where_less_motion_is_wanted(site: Site) -> None:
    """On a phone, where the lists slide in for everybody else."""
    ana = site.enter("ana", size=PHONE, phone=True)
    ana.set_dark(False, moving=True)
    assert ana.run(MOVING) > 0
    ana.set_dark(False)
    assert ana.run(MOVING) == 0


def test_a_screen_reader_hears_name_text_time(site: Site) -> None:
    """One item each, in this order; also where the name is not shown a second time."""
    ana = site.enter("ana")
    ana.enter("one")
    ana.enter("two")
    ana.see_said("one", "two")
    read = ana.run(
        "[...document.querySelectorAll('#messages .message')].map((item) => [...item.children]"
        ".filter((each) => each.ariaHidden !== 'true').map((each) => each.textContent))"
    )
    assert [item[:2] for item in read] == [["ana", "one"], ["ana", "two"]]
    assert all(len(item) == 3 for item in read)
    assert [role for _, role, _ in ana.accessible() if role == "log"] == ["log"]
    assert [role for _, role, _ in ana.accessible()].count("listitem") >= 2


def test_what_plain_http_forbids_is_grey_and_says_why(site: Site) -> None:
    """And the sound is there in its place."""
    insecure = "Object.defineProperty(window, 'isSecureContext', { value: false })"
    ana = site.enter("ana", script=insecure)
    ana.click("[aria-label=Settings]")
    ana.see("only on https", "dialog")
    assert ana.run("document.querySelector('dialog [type=checkbox]').disabled")
    ana.choose("Make it my account")
    ana.see("not encrypted", "dialog")


def test_the_colours_can_be_chosen(site: Site) -> None:
    """Light in a dark system, and it is remembered."""
    ana = site.enter("ana", dark=True)
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = ana.run(ground)
    ana.click("[aria-label=Settings]")
    ana.run(
        "(() => { const field = document.querySelector('#field-theme'); field.value = 'light';"
        " field.dispatchEvent(new Event('change')); })()"
    )
    ana.until(lambda: ana.run(ground) != dark, "it is light")
    ana.reload()
    ana.see("#lobby", "#header")
    assert ana.run(ground) == "rgb(255, 255, 255)"


def test_the_page_says_how_to_have_a_terminal(site: Site) -> None:
    """With the command to copy, whose file is there."""
    ana = site.enter("ana")
    ana.click("[aria-label=Settings]")
    ana.choose("Use a terminal instead", "summary")
    ana.see("python3 -m pip install", "dialog code")
    wheel = ana.text("dialog code").split()[-1]
    assert ana.run(f"fetch('{wheel}').then((answer) => answer.status)") == 200
