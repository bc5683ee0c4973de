"""Connections break, servers die, tabs are many: nothing is lost, and nothing is said twice."""

from chat_client import connect
from tests.chat_server.gateways.page.site import TRY_NOW, Site, say_who


def log_of(site: Site) -> list[str]:
    """What the server has in the lobby's log."""
    with connect(site.server.address, nick="reader") as chat:
        return [message.text for message in chat.join("lobby").history(1000)]


def test_a_page_survives_the_server_s_death(site: Site) -> None:
    """In the middle of a sentence: what was typed is said once the server is back."""
    ana, ben = site.enter("ana"), site.enter("ben")
    ana.enter("before")
    ben.see_said("before")
    ana.click("#input")
    ana.type("half a sen")
    site.server.kill()
    ana.see("Not connected")
    ana.type("tence")
    ana.press("Enter")
    ana.see("waiting for the connection", "#unsent")
    site.restart()
    for page in (ana, ben):
        page.run(TRY_NOW)
        page.see_said("before", "half a sentence")
    ana.until(lambda: ana.count("#unsent li") == 0, "nothing waits")
    assert log_of(site) == ["before", "half a sentence"]


def test_lines_that_were_under_way_are_said_once(site: Site) -> None:
    """The server dies again and again while somebody talks."""
    ana = site.enter("ana")
    said = []
    for number in range(3):
        for part in range(4):
            said.append(f"line {number} {part}")
            ana.enter(said[-1])
        site.server.kill()
        said.append(f"offline {number}")
        ana.enter(said[-1])
        site.restart()
        ana.run(TRY_NOW)
        ana.see_said(*said)
    assert log_of(site) == said


def test_unsent_lines_outlive_the_page(site: Site) -> None:
    """They are there after a reload without a server, and said when it is back."""
    ana = site.enter("ana")
    ana.enter("before")
    ana.see_said("before")
    site.server.kill()
    ana.see("Not connected")
    ana.enter("one")
    ana.enter("two")
    ana.until(lambda: ana.count("#unsent li") == 2, "two wait")
    kept = ana.run("JSON.parse(localStorage['backchannel.unsent']).map((line) => line.text)")
    assert kept == ["one", "two"]
    site.restart()
    ana.reload()
    ana.see_said("before", "one", "two")
    ana.until(lambda: ana.count("#unsent li") == 0, "nothing waits")
    assert log_of(site) == ["before", "one", "two"]


def test_what_is_typed_outlives_a_reload(site: Site) -> None:
    """Each room keeps its own."""
    ana = site.enter("ana")
    ana.enter("/join ops")
    ana.see("#ops", "#header")
    ana.click("#input")
    ana.type("for ops")
    ana.press("Alt+ArrowUp")
    ana.see("#lobby", "#header")
    ana.type("for the lobby")
    ana.reload()
    ana.until(
        lambda: ana.run("document.querySelector('#input')?.value") == "for the lobby", "it is there"
    )
    ana.press("Alt+ArrowDown")
    ana.see("#ops", "#header")
    assert ana.run("document.querySelector('#input').value") == "for ops"


def test_a_refused_line_stays_and_says_why(site: Site) -> None:
    """It can be edited and sent again; it is never just gone."""
    ana, teacher = site.enter("ana"), site.enter("teacher")
    teacher.enter(f"/claim {site.secret}")
    teacher.see("owner")
    teacher.enter("/mute ana")
    teacher.see("ana is muted")
    ana.enter("but I only wanted to say")
    ana.see("Not sent:", "#unsent")
    teacher.enter("/unmute ana")
    teacher.see("ana may talk again")
    ana.choose("Send again")
    teacher.see_said("but I only wanted to say")
    ana.until(lambda: ana.count("#unsent li") == 0, "nothing waits")


def test_another_session_asks_before_it_says_a_line_again(site: Site) -> None:
    """The server may have stored it, and cannot know it from this session."""
    ana = site.enter("ana")
    ana.enter("known")
    ana.see_said("known")
    ana.go(site.url + "robots.txt")
    ana.see("User-agent")
    ana.run(
        "localStorage['backchannel.unsent'] = JSON.stringify([{ room: 'lobby', text: 'perhaps',"
        " kind: 'text', id: 7, state: 'sending', reason: '' }]);"
        "localStorage['backchannel.session'] = JSON.stringify({ token: 'forgotten', nick: 'bea' })"
    )
    ana.go(site.url)
    ana.see("nobody knows whether this was said", "#unsent")
    assert log_of(site) == ["known"]
    ana.choose("Discard")
    ana.until(lambda: ana.count("#unsent li") == 0, "it is gone")


def test_two_tabs_take_the_chat_from_each_other_only_when_asked(site: Site) -> None:
    """The second says that it is open elsewhere; whoever clicks has it."""
    first = site.enter("ana")
    first.enter("from the first")
    first.see_said("from the first")
    second = site.open(beside=first)
    second.see("Open in another tab")
    first.enter("still the first")
    first.see_said("from the first", "still the first")
    second.choose("Use it here")
    second.see_said("from the first", "still the first")
    first.see("Open in another tab")
    second.enter("from the second")
    second.see_said("still the first", "from the second")
    first.choose("Use it here")
    first.see_said("still the first", "from the second")
    second.see("Open in another tab")
    assert log_of(site) == ["from the first", "still the first", "from the second"]


def test_tabs_that_cannot_talk_do_not_fight(site: Site) -> None:
    """Without the browser's channel the server's goodbye has to do."""
    without = "delete window.BroadcastChannel"
    first = site.enter("ana", script=without)
    first.see("#lobby", "#header")
    second = site.open(beside=first, script=without)
    second.see("#lobby", "#header")
    first.see("Open in another tab")
    second.enter("mine")
    second.see_said("mine")


def test_a_nick_that_is_taken_can_be_another(site: Site) -> None:
    """The page says so, and asks again on the same connection."""
    site.enter("ana")
    other = site.open()
    say_who(other, "Ana")
    other.see("choose another nick")
    other.run("document.querySelector('[name=nick]').select()")
    other.type("anna")
    other.press("Enter")
    other.see("anna", "#people")


def test_leaving_forgets_who_it_was(site: Site) -> None:
    """The next person at this machine is asked who they are."""
    ana = site.enter("ana")
    ana.enter("/quit")
    ana.see("You left")
    assert ana.run("Object.keys(localStorage).filter((key) => !key.endsWith('settings'))") == []
    ana.choose("Come in again")
    say_who(ana, "bea")
    ana.see("bea", "#people")
