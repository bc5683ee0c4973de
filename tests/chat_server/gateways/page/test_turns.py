"""Questions, the floor and polls on the page."""

from functools import partial

from tests.chat_server.gateways.page.looks import nameless, poor_contrasts, sticking_out, too_small
from tests.chat_server.gateways.page.site import Site, claim
from tests.support.browser import Page

PHONE = (360, 640)


def check(page: Page) -> None:
    """Show that what is on the page can be read, named and touched."""
    assert poor_contrasts(page) == []
    assert sticking_out(page) == []
    assert nameless(page) == []
    assert too_small(page) == []


def _has_no_poll(page: Page) -> bool:
    return not page.is_shown(".poll-bar")


def test_a_question_waits_for_its_turn(site: Site) -> None:
    """Also in a room that is not frozen, and over a reload of both sides."""
    teacher, ben, carla = site.enter("teacher"), site.enter("ben"), site.enter("carla")
    claim(teacher, site)
    ben.choose("Ask a question")
    ben.see("Raise your hand", "dialog")
    ben.type("Is recv blocking?")
    check(ben)
    ben.press("Enter")
    ben.see("Your hand is up: number 1", "#people")
    carla.enter("/hand")
    carla.see("Your hand is up: number 2", "#people")
    teacher.see("Hands up: 2", "#people")
    teacher.see("Is recv blocking?", "#people")
    for page in (teacher, carla):
        page.reload()
    teacher.see("Is recv blocking?", "#people")
    carla.see("Your hand is up: number 2", "#people")
    check(teacher)
    teacher.choose("Next")
    ben.see("ben has the floor: Is recv blocking?", "#messages")
    ben.see("ben has the floor: Is recv blocking?", "#people")
    carla.see("Your hand is up: number 1", "#people")
    teacher.until(lambda: teacher.texts(".hands-up bdi") == ["carla"], "one is left")
    teacher.enter("/next")
    teacher.choose("Take the floor back")
    ben.see("nobody has the floor any more", "#messages")
    ben.until(lambda: not ben.texts(".hands-up .floor"), "nobody has the floor")


def test_a_poll_is_buttons_with_live_bars_for_who_asked(site: Site) -> None:
    """Others vote and see no numbers before its end; then all see the result."""
    teacher, ben = site.enter("teacher"), site.enter("ben", size=PHONE, phone=True)
    claim(teacher, site)
    teacher.enter("/poll Is recv blocking? yes | no | it depends")
    ben.until(lambda: ben.texts(".option bdi") == ["yes", "no", "it depends"], "the buttons")
    ben.choose("no", ".option bdi")
    teacher.until(lambda: teacher.texts(".option .votes") == ["0", "1", "0"], "the counts")
    assert ben.texts(".option .votes") == ["", "", ""]
    check(ben)
    check(teacher)
    ben.choose("it depends", ".option bdi")
    teacher.until(lambda: teacher.texts(".option .votes") == ["0", "0", "1"], "another vote")
    ben.reload()
    ben.until(lambda: ben.texts(".option[aria-pressed=true] bdi") == ["it depends"], "the vote")
    teacher.choose("End the poll")
    for page in (teacher, ben):
        page.until(partial(_has_no_poll, page), "the bar is gone")
        page.see("1 (100 %)", "#messages .is-poll ul.options")
        check(page)


def test_a_poll_is_asked_in_a_dialog(site: Site) -> None:
    """Named, the result says who voted for what."""
    teacher, ben = site.enter("teacher"), site.enter("ben")
    claim(teacher, site)
    teacher.click("[aria-label='Moderate this room']")
    teacher.choose("Ask a poll")
    teacher.see("Poll in #lobby", "dialog")
    check(teacher)
    teacher.type("Tea?")
    teacher.run("document.querySelector('dialog [name=named]').click()")
    teacher.choose("Ask", "dialog button")
    ben.see("Tea?", ".poll-bar")
    ben.choose("yes", ".option bdi")
    teacher.until(lambda: teacher.texts(".option .votes") == ["1", "0"], "the vote")
    teacher.enter("/poll end")
    ben.see("ben", "#messages .is-poll ul.options small")
