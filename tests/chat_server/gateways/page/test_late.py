"""Direct messages for who is away, and a room that is exported, in the browser."""

import json

from tests.chat_server.gateways.page.site import Site
from tests.chat_server.house import House
from tests.chat_server.requests.talk.test_direct import registered, returned
from tests.support.waiting import eventually

KEEP_WHAT_IS_SAVED = """
const make = URL.createObjectURL;
URL.createObjectURL = (blob) => {
  blob.text().then((text) => (window.saved = text));
  return make.call(URL, blob);
};
HTMLAnchorElement.prototype.click = function () {
  window.savedAs = this.download;
};
"""


def test_who_is_away_reads_it_later(site: Site) -> None:
    """Marked with the time at which it was sent, once, also after a reload."""
    with House(site.server.address) as house:
        bob = house.enter("bob")
        ana = site.enter("ana")
        ana.enter("/register correct horse")
        ana.see("is your account now")
        ana.enter("/late")
        ana.see("Direct messages are kept for you while you are away")
        other = site.open("qr.svg", beside=ana)
        site.leave(ana)
        eventually(lambda: bob.request("tell", to="ana", text="read this later").get("kept"))
        sent = sum(frame["type"] == "direct" for frame in bob.queue)
        assert sent == 0
        other.go(site.url)
        other.until(lambda: other.is_shown("#input"), "the message field")
        other.enter("/query bob")
        other.see("read this later", "#messages")
        other.see("late", "#messages .tag")
        bob.ok("tell", to="ana", text="and this at once")
        other.see("and this at once", "#messages")
        assert other.count("#messages .tag") == 1


def test_it_is_told_that_a_message_waits(site: Site) -> None:
    """And it is delivered."""
    with House(site.server.address) as house:
        registered(house, "eva")
        ana = site.enter("ana")
        ana.enter("/msg eva psst")
        ana.see("eva is away, and gets this when they are back.")
        assert returned(house, "eva").expect("direct")["text"] == "psst"


def test_a_room_is_exported(site: Site) -> None:
    """As text, as JSON lines and as a page, whatever was said."""
    with House(site.server.address) as house:
        bob = house.enter("bob", "lobby")
        bob.say("lobby", "<b>one</b>\ntwo")
        bob.say("lobby", "waves", kind="action")
        ana = site.enter("ana", script=KEEP_WHAT_IS_SAVED)
        for name in ("all.txt", "all.jsonl", "all.html"):
            ana.run("window.saved = null")
            ana.enter(f"/export {name}")
            text = ana.until(lambda: ana.run("window.saved"), "the file")
            assert ana.run("window.savedAs") == name
            if name == "all.txt":
                assert "bob: <b>one</b>\n    | two\n" in text
                assert "* bob waves\n" in text
            elif name == "all.jsonl":
                assert [json.loads(line)["text"] for line in text.splitlines()] == [
                    "<b>one</b>\ntwo",
                    "waves",
                ]
            else:
                assert "&lt;b&gt;one&lt;/b&gt;" in text
                assert 'id="m1"' in text
        ana.enter("/export ../all.doc")
        ana.see("end it with .txt, .jsonl or .html")
