"""Messages that are answered, edited and deleted in the browser, and links to them."""

from tests.chat_server.gateways.page.site import Site, claim
from tests.support.browser import Page
from tests.support.peer import Peer

LAST = "#messages li.message:last-of-type"


def press(page: Page, text: str) -> None:
    """Press the button of the open dialog that says this."""
    page.run(
        f"[...document.querySelectorAll('dialog button')].find((b) => b.textContent === '{text}')"
        ".click()"
    )


def open_message(page: Page, seq: int) -> None:
    """Open what can be done about a message."""
    page.run(f"document.querySelector('li[data-seq=\"{seq}\"] .do-more').click()")
    page.until(lambda: page.is_shown("dialog"), "the dialog")


def test_a_reply_by_hand_shows_what_it_answers(site: Site) -> None:
    """And a press on that goes there. What is answered can be taken back before it is said."""
    ana, ben = site.enter("ana"), site.enter("ben")
    ben.enter("Is recv blocking?")
    ana.see("Is recv blocking?")
    ana.run("document.querySelector('li.message .do-reply').click()")
    ana.see("Reply to ben: Is recv blocking?", ".answering")
    ana.press("Escape")
    ana.until(lambda: not ana.is_shown(".answering"), "nothing to answer")
    ana.run("document.querySelector('li.message .do-reply').click()")
    ana.enter("until data comes")
    ben.see("until data comes")
    ben.see("ben: Is recv blocking?", f"{LAST} .quote")
    ben.run(f"document.querySelector('{LAST} .quote').click()")
    ben.until(lambda: ben.count("li.sought[data-seq='1']") == 1, "the message is pointed at")
    ana.enter("/reply ben and more")
    ben.see("and more")
    ben.see("ben: Is recv blocking?", f"{LAST} .quote")


def test_what_is_edited_and_deleted_changes_on_the_screen(site: Site) -> None:
    """By hand. Also where others quote it."""
    ana, ben = site.enter("ana"), site.enter("ben")
    ana.enter("tee")
    ben.see("tee")
    ben.enter("/reply ana coffee")
    ana.see("coffee")
    open_message(ana, 1)
    press(ana, "Edit …")
    ana.until(lambda: ana.is_shown("dialog textarea"), "the text")
    ana.run("document.querySelector('dialog textarea').value = 'tea'")
    press(ana, "Save")
    ben.see("tea (edited)", "li[data-seq='1'] .text")
    ben.see("ana: tea", "li[data-seq='2'] .quote")
    ben.see("edited message 1", f"{LAST} .text")
    open_message(ana, 1)
    press(ana, "Delete …")
    ana.until(lambda: ana.is_shown("dialog blockquote"), "what is to be deleted")
    press(ana, "Delete")
    for page in (ana, ben):
        page.see("(deleted)", "li[data-seq='1'] .text")
        page.see("ana: (deleted)", "li[data-seq='2'] .quote")
        page.see("deleted message 1", f"{LAST} .text")
        assert "tea" not in page.text("#messages")


def test_only_those_in_charge_delete_what_others_said(site: Site) -> None:
    """The page does not offer it to others, and shows why where it is typed."""
    ana = site.enter("ana")
    with Peer.connect(site.server.address) as ben:
        ben.hello("ben")
        ben.join("lobby")
        ben.say("lobby", "you are all stupid")
        ana.see("stupid")
        open_message(ana, 1)
        assert "Delete …" not in ana.texts("dialog button")
        ana.press("Escape")
        ana.enter("/delete 1")
        ana.see("only its author or a moderator", "#input-error")
        ana.run("document.querySelector('#input').value = ''")
        claim(ana, site)
        ana.enter("/delete 1 be kind")
        ana.see("deleted message 1: be kind")
        ana.see("(deleted)", "li[data-seq='1'] .text")


def test_a_link_leads_to_a_message(site: Site) -> None:
    """In the address, and in what somebody says; the page stays the one that is open."""
    with Peer.connect(site.server.address) as ben:
        ben.hello("ben")
        ben.join("lobby")
        for number in range(1, 201):
            ben.say("lobby", f"line {number}")
        ben.say("lobby", "see #lobby/20")
        ana = site.enter("ana", "#lobby/7")
        ana.until(lambda: ana.count("li[data-seq='7']") == 1, "the message of the link")
        ana.press("Escape")
        ana.see("see #lobby/20")
        ana.run("document.querySelector('#messages a').click()")
        ana.until(lambda: ana.count("li.sought[data-seq='20']") == 1, "the other one")
        assert ana.run("location.hash") in ("#lobby", "#lobby/20")


def test_numbers_are_shown(site: Site) -> None:
    """From /numbers on."""
    ana = site.enter("ana")
    ana.enter("hello")
    ana.see("hello", "#messages")
    shown = "getComputedStyle(document.querySelector('li.message time'), '::before').content"
    assert ana.run(shown) == "none"
    ana.enter("/numbers on")
    ana.see("is shown with its number")
    ana.until(lambda: "1" in ana.run(shown), "the number")
