"""Code and pins in the browser."""

from chat_client import connect
from tests.chat_server.gateways.page.site import Site, claim

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
    ana.enter("/pin 1")
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
