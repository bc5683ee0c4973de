"""People talk in the browser, with one another and with a terminal."""

import pytest

from chat_client import connect
from tests.chat_client.programs import Terminal
from tests.chat_server.gateways.page.site import Site

MARKUP = (
    "<img src=x onerror='window.harmed = 1'>",
    "<script>window.harmed = 1</script>",
    "&lt;b&gt; &amp;amp;",
    "javascript:alert(1) [a](javascript:alert(1))",
    "```<svg onload='window.harmed = 1'>\n<b>code</b>\n```",
)


def test_two_pages_and_a_terminal_talk(site: Site) -> None:
    """Each hears the others, and its own, once and in one order."""
    ana, ben = site.enter("ana"), site.enter("ben")
    with Terminal(site.server.address, "--nick", "carla") as terminal:
        terminal.see("carla@")
        ana.enter("hello from a browser")
        ben.see("hello from a browser")
        terminal.see("hello from a browser")
        terminal.enter("hello from a terminal")
        ana.see("hello from a terminal")
        ben.enter("and from another")
        everything = ["hello from a browser", "hello from a terminal", "and from another"]
        ana.see_said(*everything)
        ben.see_said(*everything)
        terminal.see("and from another")
        assert ana.texts(".person bdi") == ["ana", "ben", "carla"]
        terminal.enter("/quit")
        ana.until(lambda: ana.texts(".person bdi") == ["ana", "ben"], "carla is gone")
        assert ana.texts("#unsent li") == []


@pytest.mark.parametrize("text", MARKUP)
def test_markup_stays_text(site: Site, text: str) -> None:
    """In messages, in topics, and in what was found."""
    ana = site.enter("ana")
    with connect(site.server.address, nick="mallory") as chat:
        room = chat.join("lobby")
        room.say(text)
        ana.see("mallory", "#messages .name")
        shown = ana.said()[-1]
        assert all(part in shown for part in text.replace("`", "").split("\n")), shown
        room.set_topic(text)
        ana.see(text.splitlines()[0], "#header .topic")
        ana.enter(f"/search {text.split()[-1]}")
        ana.until(lambda: ana.text("#search .state"), "an answer")
    for made in ("img", "script", "svg", "b"):
        assert ana.count(f"#messages {made}, #header .topic {made}, #search .text {made}") == 0
    assert ana.run("window.harmed") is None


def test_links_open_in_another_tab_without_a_referrer(site: Site) -> None:
    """And end where the address ends."""
    ana = site.enter("ana")
    ana.enter("see https://example.org/a_(b)?c=d#e, or (http://[::1]:7878/).")
    ana.see("see https://example.org", "#messages")
    links = ana.run(
        "[...document.querySelectorAll('#messages a')].map((a) =>"
        " [a.getAttribute('href'), a.target, a.rel, a.referrerPolicy])"
    )
    rest = ["_blank", "noopener noreferrer", "no-referrer"]
    assert links == [
        ["https://example.org/a_(b)?c=d#e", *rest],
        ["http://[::1]:7878/", *rest],
    ]


def test_code_stands_in_a_fixed_font_and_is_copied(site: Site) -> None:
    """A paste of several lines is one message, and can be made code."""
    ana, ben = site.enter("ana"), site.enter("ben")
    ana.click("#input")
    ana.paste("def f():\n    return 1\n\nf()")
    ana.choose("Send it as a code block")
    ana.press("Enter")
    ben.until(lambda: ben.count("#messages pre code") == 1, "a code block")
    assert ben.run("document.querySelector('#messages pre').textContent") == (
        "def f():\n    return 1\n\nf()"
    )
    assert "mono" in ben.run(
        "getComputedStyle(document.querySelector('#messages pre code')).fontFamily"
    )
    ben.choose("Copy")
    ben.see("Copied")
    assert len(ben.said()) == 1


def test_code_is_copied_on_plain_http(site: Site) -> None:
    """Where the browser has no clipboard for pages, the old way is taken."""
    without = "Object.defineProperty(navigator, 'clipboard', { value: undefined })"
    ana = site.enter("ana", script=without)
    ana.click("#input")
    ana.type("```\nx = 1\n```")
    ana.press("Enter")
    copied = "window.copied = document.activeElement.value"
    ana.run(f"document.addEventListener('copy', () => {{ {copied} }})")
    ana.until(lambda: ana.count("#messages pre") == 1, "it is said")
    ana.choose("Copy")
    ana.see("Copied")
    assert ana.run("window.copied") == "x = 1"


def test_direct_messages_are_for_two(site: Site) -> None:
    """They come with a count, and the answer goes back."""
    ana, ben, carla = site.enter("ana"), site.enter("ben"), site.enter("carla")
    ana.see("carla", "#people")
    ana.enter("/msg ben psst")
    ana.see_said("psst")
    ben.see("ana\n1", "#conversation-list")
    assert ben.run("document.title").startswith("(1!)")
    ben.click("#conversation-list .place")
    ben.see_said("psst")
    ben.until(lambda: not ben.text("#conversation-list .badge"), "it is read")
    ben.enter("got it")
    ana.see_said("psst", "got it")
    assert "psst" not in carla.text("body")
    ben.enter("/nick benjamin")
    ana.see("benjamin", "#conversation-list")
    ana.enter("still you?")
    ben.see("still you?")


def test_names_and_commands_are_completed(site: Site) -> None:
    """Tab takes the next one, and goes on to the next control where there is nothing."""
    ana = site.enter("ana")
    site.enter("benedikt")
    site.enter("bernd")
    ana.until(lambda: len(ana.texts(".person")) == 3, "both are there")
    ana.click("#input")
    ana.type("be")
    ana.press("Tab")
    assert ana.run("document.querySelector('#input').value") == "benedikt: "
    ana.press("Tab")
    assert ana.run("document.querySelector('#input').value") == "bernd: "
    ana.type("hi")
    ana.press("Enter")
    ana.see_said("bernd: hi")
    ana.type("/fo")
    ana.press("Tab")
    assert ana.run("document.querySelector('#input').value") == "/focus "
    ana.press("Tab")
    ana.press("Enter")
    ana.see("Everybody is shown", "#messages")
    ana.press("Tab")
    assert ana.run("document.activeElement.getAttribute('aria-label')") == "Send"


def test_a_mistyped_command_is_not_said(site: Site) -> None:
    """The nearest is suggested, and the line stays to be mended."""
    ana = site.enter("ana")
    ana.enter("/jion ops")
    ana.see("did you mean /join?")
    assert ana.run("document.querySelector('#input').value") == "/jion ops"
    ana.run("document.querySelector('#input').select()")
    ana.type("//shrug")
    ana.press("Enter")
    ana.see_said("/shrug")


def test_what_was_typed_before_comes_back(site: Site) -> None:
    """With Up, in an empty field, and never a password."""
    ana = site.enter("ana")
    ana.enter("one")
    ana.enter("two")
    ana.see_said("one", "two")
    ana.enter("/login secret-of-ana")
    ana.until(lambda: ana.text("#input-error"), "there is no such account")
    ana.press("ArrowUp")
    assert ana.run("document.querySelector('#input').value") == "two"
    ana.press("ArrowUp")
    assert ana.run("document.querySelector('#input').value") == "one"
    assert "secret-of-ana" not in ana.run("JSON.stringify(localStorage)")


def test_hidden_people_are_hidden(site: Site) -> None:
    """Also what they said before; and shown again."""
    ana, ben = site.enter("ana"), site.enter("ben")
    ben.enter("spam spam")
    ana.see_said("spam spam")
    ana.enter("/ignore ben")
    ana.until(lambda: not ana.is_shown("#messages .message"), "it is hidden")
    ben.enter("and more, ana")
    ben.see_said("spam spam", "and more, ana")
    ana.enter("/unignore ben")
    ana.see("and more, ana", "#messages")
    assert ana.run("document.title") == "#lobby – Backchannel"
