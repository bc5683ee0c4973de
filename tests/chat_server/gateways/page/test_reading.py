"""Reading back, searching, and what is new."""

import shutil
from pathlib import Path

from chat_client import Room, connect
from tests.chat_server.gateways.page.site import TRY_NOW, Site
from tests.support.peer import Peer

MANY = 1200
WINDOW = 400  # messages that the page holds at the most
PAGE = 50  # messages that it asks for at once

SCROLL_UP = """
(async () => {
  const scroller = document.querySelector('#scroller');
  const top = () => {
    const edge = scroller.getBoundingClientRect().top;
    return [...document.querySelectorAll('#messages .message')].find(
      (item) => item.getBoundingClientRect().bottom > edge + 2);
  };
  let most = 0;
  const jumps = [];
  while (!document.querySelector('#beginning h2')) {
    const before = top();
    const offset = before?.getBoundingClientRect().top;
    scroller.scrollTop -= 250;
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    const items = document.querySelectorAll('#messages .message');
    most = Math.max(most, items.length);
    const moved = before?.isConnected ? before.getBoundingClientRect().top - offset : 250;
    if (moved > 251 || moved < -1) jumps.push(moved);
  }
  return [most, jumps];
})()
"""


# Scrolls up for some frames, and returns how many messages the page held at the most, how many it
# put in within one frame at the most, what jumped, and whether the beginning is reached.
SCROLL_SOME = """
(async () => {
  const scroller = document.querySelector('#scroller');
  const messages = document.querySelector('#messages');
  let added = 0, most = 0, atOnce = 0;
  const watch = new MutationObserver((changes) => {
    for (const change of changes) added += change.addedNodes.length;
  });
  watch.observe(messages, { childList: true });
  const top = () => [...messages.children].find((item) => item.matches('.message')
    && item.getBoundingClientRect().bottom > scroller.getBoundingClientRect().top + 2);
  const jumps = [], done = () => Boolean(document.querySelector('#beginning h2'));
  for (let frame = 0; frame < 40 && !done(); frame += 1) {
    const before = top(), offset = before?.getBoundingClientRect().top;
    added = 0;
    scroller.scrollTop -= 600;
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    most = Math.max(most, messages.querySelectorAll('.message').length);
    atOnce = Math.max(atOnce, added);
    const moved = before?.isConnected ? before.getBoundingClientRect().top - offset : 600;
    if (moved > 601 || moved < -1) jumps.push(moved);
  }
  watch.disconnect();
  return [most, atOnce, jumps, done()];
})()
"""


def say_many(room: Room, count: int = MANY) -> None:
    """Fill a room."""
    for number in range(count):
        room.say(f"message {number}")


def test_scrolling_back_reads_the_whole_log_and_keeps_its_place(site: Site) -> None:
    """The page holds a window of the messages, and what is read does not jump."""
    with connect(site.server.address, nick="bot") as chat:
        room = chat.join("lobby")
        say_many(room)
        ana = site.enter("ana")
        ana.see_said(f"message {MANY - 1}")
        most, jumps = ana.run(SCROLL_UP)
        assert most <= WINDOW + 50
        assert jumps == []
        assert ana.said()[0] == "message 0"
        room.say("meanwhile")  # what is read stays where it is
        ana.see("1 new", "#jumps")
        assert ana.said()[0] == "message 0"
        ana.choose("1 new")
        ana.see_said(f"message {MANY - 1}", "meanwhile")
        ana.until(lambda: not ana.texts("#jumps button"), "it is at the end")


def test_ten_thousand_messages_cost_a_frame_no_more_than_some_hundred(site: Site) -> None:
    """However far one scrolls: the page holds as many, and puts in as many within one frame."""
    with Peer.connect(site.server.address) as bot:
        bot.hello("bot")
        bot.ok("join", room="lobby")
        for start in range(0, 10_000, 500):
            texts = [f"message {number}" for number in range(start, start + 500)]
            bot.reply([bot.post("say", room="lobby", text=text) for text in texts][-1])
    ana = site.enter("ana")
    ana.see_said("message 9999")
    done, costs = False, []
    while not done:
        most, at_once, jumps, done = ana.run(SCROLL_SOME)
        assert jumps == []
        costs.append((most, at_once))
    assert ana.said()[0] == "message 0"
    assert len(costs) > 5
    assert max(most for most, _ in costs) <= WINDOW + 50
    assert max(at_once for _, at_once in costs) <= 3 * PAGE  # days and borders too


def test_old_messages_are_not_read_aloud(site: Site) -> None:
    """The log is a live region while it stands at its end, and not while older ones are put in."""
    with connect(site.server.address, nick="bot") as chat:
        room = chat.join("lobby")
        say_many(room, 200)
        watch = """
        addEventListener('DOMContentLoaded', () => {
          const loud = (window.loud = []);
          const log = document.querySelector('#scroller');
          new MutationObserver((changes) => {
            if (log.getAttribute('aria-live') === 'off') return;
            for (const change of changes)
              for (const node of change.addedNodes)
                if (node.matches?.('.message')) loud.push(node.querySelector('.text').innerText);
          }).observe(document.querySelector('#messages'), { childList: true });
        });
        """
        ana = site.enter("ana", script=watch)
        ana.see_said("message 199")
        ana.run(SCROLL_UP)
        ana.press("Escape")
        ana.until(
            lambda: (
                ana.run("document.querySelector('#scroller').getAttribute('aria-live')") == "polite"
            ),
            "the log is live",
        )
        room.say("fresh")
        ana.see_said("fresh")
        assert ana.run("window.loud") == ["fresh"]
        assert ana.run("document.querySelector('#scroller').getAttribute('role')") == "log"


def test_search_finds_and_shows_the_place(site: Site) -> None:
    """Also where the message is far back."""
    with connect(site.server.address, nick="bot") as chat:
        room = chat.join("lobby")
        room.say("the needle is here")
        say_many(room, 300)
        ana = site.enter("ana")
        ana.see_said("message 299")
        ana.enter("/search needle")
        ana.see("1 found", "#search")
        ana.click("#search .result")
        ana.until(lambda: "needle" in ana.text(".sought"), "the message is marked")
        assert ana.said()[:2] == ["the needle is here", "message 0"]
        assert "message 299" not in ana.said()
        ana.press("Escape")
        ana.press("Escape")
        ana.see_said("message 299")
        ana.enter("/search nothing of the kind")
        ana.see("Nothing found", "#search")


def test_unread_messages_are_counted_and_marked(site: Site) -> None:
    """In the list, in the title, with the line where they begin; those that name one apart."""
    ana = site.enter("ana")
    with connect(site.server.address, nick="bot") as chat:
        lobby, ops = chat.join("lobby"), chat.join("ops")
        ops.say("old")
        ana.enter("/join ops")
        ana.see_said("old")
        ana.press("Alt+ArrowUp")
        ana.see("#lobby", "#header")
        ops.say("new 1")
        ops.say("new 2")
        ana.see("ops\n2", "#room-list")
        assert ana.run("document.title") == "(2) #lobby – Backchannel"
        assert ana.run("document.querySelector('#favicon').href").endswith("icon-news.svg")
        ops.say("you, ana")
        ana.see("ops\n3", "#room-list")
        assert ana.count("#room-list .named") == 1
        assert ana.run("document.title").startswith("(3!)")
        ana.press("Alt+Shift+ArrowDown")
        ana.see_said("old", "new 1", "new 2", "you, ana")
        order = ana.run(
            "[...document.querySelectorAll('#messages > :not(.local)')]"
            ".map((each) => each.className.split(' ')[0])"
        )
        assert order[-5:] == ["message", "marker", "message", "message", "message"]
        assert ana.count(".message.named mark") == 1
        ana.until(lambda: ana.run("document.title") == "#ops – Backchannel", "all is read")
        lobby.say("elsewhere")
        ana.see("lobby\n1", "#room-list")


def test_what_was_unread_is_unread_after_a_reload(site: Site) -> None:
    """And what was read is not."""
    ana = site.enter("ana")
    with connect(site.server.address, nick="bot") as chat:
        ops = chat.join("ops")
        ana.enter("/join ops")
        ana.see("#ops", "#header")
        ops.say("read")
        ana.see_said("read")
        ana.press("Alt+ArrowUp")
        ana.see("#lobby", "#header")
        ops.say("unread")
        ana.see("ops\n1", "#room-list")
        ana.reload()
        ana.see("ops\n1", "#room-list")
        ana.press("Alt+ArrowDown")
        ana.see_said("read", "unread")
        ana.until(lambda: ana.count("#messages .marker") == 1, "the line stands there")


def test_days_are_told_apart(site: Site) -> None:
    """Each begins with a line; one for today."""
    ana = site.enter("ana")
    ana.enter("today")
    ana.see_said("today")
    assert len(ana.texts("#messages .day")) == 1
    assert "Today" in ana.text("#messages .day")


def test_what_the_server_took_back_is_taken_from_the_page(site: Site, tmp_path: Path) -> None:
    """The server went back to a copy: what is there now is shown, once, and the page says so."""
    ana = site.enter("ana")
    for text in ("one", "two"):
        ana.enter(text)
    ana.see_said("one", "two")
    site.server.terminate()
    site.server.wait()
    shutil.copytree(site.data, tmp_path / "copy")
    site.restart()
    ana.run(TRY_NOW)
    ana.until(lambda: not ana.text("#banner"), "it is connected")
    for text in ("three", "four"):
        ana.enter(text)
    ana.see_said("one", "two", "three", "four")
    site.server.kill()
    ana.see("Not connected")
    shutil.rmtree(site.data)
    shutil.copytree(tmp_path / "copy", site.data)
    site.restart()
    with connect(site.server.address, nick="bot") as chat:
        chat.join("lobby").say("another three")
    ana.run(TRY_NOW)
    ana.see("the server went back to an earlier copy", "#messages")
    ana.until(lambda: ana.said() == ["one", "two", "another three"], "what there is now, once")
