"""Code and pins in the browser."""

from pathlib import Path

from chat_client import connect
from chat_client.api.room import Room
from tests.chat_server.gateways.page.site import Site, claim
from tests.support.browser import Page
from tests.support.images import SMALL, SVG, png

BLOCK = "def f(x):\n    return 'a'  # <b>one</b>\n\nf(2)\n"


def test_code_keeps_its_form_and_is_coloured(site: Site) -> None:
    """The terminal's client gets the same block; the page numbers its lines."""
    ana, ben = site.enter("ana"), site.enter("ben")
    with connect(site.server.address, nick="carla") as chat:
        room = chat.join("lobby")
        ana.click("#input")
        ana.paste(BLOCK)
        ana.choose("Send it as a code block")
        ana.type(" python")
        ana.press("Enter")
        ben.until(lambda: ben.count("#messages .code") == 1, "a block")
        said = next(room)
        assert (said.kind, said.text, said.language) == ("code", BLOCK.rstrip(), "python")
    shown = "document.querySelector('#messages .code code')"
    assert ben.run(f"{shown}.textContent") == BLOCK.rstrip()
    kinds = f"[...{shown}.querySelectorAll('span')].map((each) => each.className)"
    assert ben.run(kinds) == ["keyword", "keyword", "string", "comment", "number"]
    assert ben.run("document.querySelector('#messages .numbers').dataset.numbers") == "1\n2\n3\n4"
    ana.until(lambda: ana.count("#unsent li") == 0, "that it is sent")
    ben.choose("Copy")
    ben.see("Copied")


def test_what_is_no_block_is_refused(site: Site) -> None:
    """And a language is one word on the first line."""
    ana = site.enter("ana")
    ana.enter("/code print(1)")
    ana.until(lambda: ana.texts("#messages .code code") == ["print(1)"], "a line of code")
    ana.enter("/code")
    ana.see("Something is missing: type /code [LANGUAGE]", "#composer")


def test_pins_stand_at_the_top_and_lead_to_their_message(site: Site) -> None:
    """Whoever is in charge sets them, by a command or at the message."""
    ana, ben = site.enter("ana"), site.enter("ben")
    claim(ana, site)
    ben.enter("read <b>this</b>")
    ana.see("read", "#messages")
    ana.enter("/pin ben")
    ben.see("ben read <b>this</b>", "#pins")
    assert ben.count("#pins .icon-button") == 0
    for number in range(70):
        ben.enter(f"line {number}")
    ben.see("line 69", "#messages")
    ben.click("#pins .pin")
    ben.until(lambda: ben.count("#messages .sought") == 1, "the message")
    late = site.enter("carla")
    late.see("ben read <b>this</b>", "#pins")
    ana.click("#pins .icon-button")
    ben.until(lambda: ben.count("#pins li") == 0, "nothing is pinned")
    ben.enter("/pin 1")
    ben.see("only moderators and owners may pin messages", "#composer")


def test_a_dropped_file_is_offered_and_fetched(site: Site) -> None:
    """What comes back is what was dropped; its name is text, and the link downloads it."""
    ana, ben = site.enter("ana"), site.enter("ben")
    content = "x" * 1_500_000
    drop = (
        "(() => { const data = new DataTransfer(), how = { dataTransfer: data, cancelable: true };"
        " data.items.add(new File(['x'.repeat(1500000)], '<b>notes.html'));"
        " const event = new DragEvent('drop', how);"
        " document.querySelector('#scroller').dispatchEvent(event); })()"
    )
    ana.run(drop)
    ben.see("bnotes.html", "#messages .file")
    path = ben.run("document.querySelector('#messages .file').getAttribute('href')")
    fetched = ben.run(
        f"fetch({path!r}).then((answer) => answer.text()).then((text) => text.length)"
    )
    assert fetched == len(content)
    assert ben.run("document.querySelector('#messages .file').hasAttribute('download')")
    ana.see("1.5 MB", "#messages .size")
    with connect(site.server.address, nick="carla") as chat:
        (message,) = [each for each in chat.join("lobby").history(5) if each.kind == "file"]
        assert (message.from_, message.size) == ("ana", len(content))


def test_images_are_shown_where_a_moderator_allows_it(site: Site, tmp_path: Path) -> None:
    """Of every format, also those of before; nothing else; and no more when that is over."""
    ana, ben = site.enter("ana"), site.enter("ben", phone=True, size=(360, 700))
    claim(ana, site)
    with connect(site.server.address, nick="carla") as chat:
        room = chat.join("lobby")
        for name, (_, data) in SMALL.items():
            _offer(room, tmp_path / name, data)
        _offer(room, tmp_path / "script.svg", SVG)
        _offer(room, tmp_path / "large.png", png(3000, 1500))
        ben.until(lambda: ben.count("#messages .file") == len(SMALL) + 2, "the files")
        assert ben.count("#messages img") == 0
        ana.enter("/rules images on")
        _see_images(ben, len(SMALL) + 1)
        widths = "[...document.querySelectorAll('#messages img')].map((each) => each.width)"
        assert ben.run(f"Math.max(...{widths}) < innerWidth")
        assert ben.count("#messages .file") == len(SMALL) + 2  # each can be downloaded as well
        ben.until(lambda: ben.run(FOLLOWS), "the end in sight")
        _see_images(ana, len(SMALL) + 1)
        late = site.enter("dora")
        _see_images(late, len(SMALL) + 1)
        ana.enter("/rules images off")
        for page in (ana, ben, late):
            _see_images(page, 0)


def test_an_image_that_is_taken_back_vanishes(site: Site, tmp_path: Path) -> None:
    """From the page of whoever sees it, and from the server."""
    ana, ben = site.enter("ana"), site.enter("ben")
    claim(ana, site)
    ana.enter("/rules images on")
    with connect(site.server.address, nick="carla") as chat:
        _offer(chat.join("lobby"), tmp_path / "a.png", png(40, 30))
    _see_images(ben, 1)
    path = ben.run("document.querySelector('#messages img').getAttribute('src')")
    ana.enter("/delete carla not here")
    ben.until(lambda: ben.count("#messages img") == 0, "no image")
    ben.until(lambda: ben.run(f"fetch({path!r}).then((answer) => answer.status)") == 404, "404")


FOLLOWS = (
    "(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight < 2)"
    "(document.querySelector('#scroller'))"
)


def _offer(room: Room, path: Path, data: bytes) -> None:
    path.write_bytes(data)
    room.send_file(path)


def _see_images(page: Page, count: int) -> None:
    """Wait until so many are drawn."""
    drawn = (
        "[...document.querySelectorAll('#messages img')].filter((each) => {"
        " each.loading = 'eager'; return each.complete && each.naturalWidth; }).length"
    )
    page.until(lambda: page.run(drawn) == count, f"{count} images")


def test_a_file_on_its_way_is_seen_and_can_be_cancelled(site: Site) -> None:
    """How far it is has a name for who does not see it; what was cancelled is gone."""
    ana = site.enter("ana", phone=True, size=(360, 700), script=HELD_BACK)
    long = f"{'long-' * 15}.bin"
    for name in ("first.bin", long):
        ana.run(f"drop({name!r}, 2500000)")
    ana.until(lambda: ana.run("held.length") == 2, "both on their way")
    bars = [
        name for _, role, name in ana.accessible() if role in ("progressbar", "ProgressIndicator")
    ]
    assert bars == ["Sending first.bin", f"Sending {long}"]
    right = (
        "document.querySelector('#transfers li:last-child button').getBoundingClientRect().right"
    )
    assert ana.run(f"{right} < innerWidth")
    ana.run("held.shift()()")
    ana.until(lambda: ana.texts("#transfers .percent")[0] == "40 %", "the first piece")
    folder = site.data / "files"
    assert len(list(folder.glob("*.json"))) == 2
    ana.choose("Cancel")
    ana.see("first.bin was not sent: you cancelled it.", "#messages")
    assert ana.texts("#transfers bdi") == [long]
    ana.until(lambda: len(list(folder.glob("*.json"))) == 1, "that the first is gone")
    ana.run("letAllThrough()")
    ana.see(long, "#messages .file")
    ana.until(lambda: not ana.is_shown("#transfers"), "nothing on its way")


# Pieces of files wait until the test lets them through.
HELD_BACK = """
const passOn = fetch;
let held = [], open = false;
function letAllThrough() { open = true; held.forEach((go) => go()); }
window.fetch = async (url, how = {}) => {
  if (how.method === "PUT" && !open) {
    await new Promise((go, end) => { held.push(go); how.signal.addEventListener("abort", end); });
  }
  return passOn(url, how);
};
function drop(name, size) {
  const data = new DataTransfer();
  data.items.add(new File(["x".repeat(size)], name));
  const event = new DragEvent("drop", { dataTransfer: data, cancelable: true });
  document.querySelector("#scroller").dispatchEvent(event);
}
"""
