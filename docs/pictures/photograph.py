"""Makes the README's pictures of the page in the browser.

    .venv/bin/python -m docs.pictures.photograph

page.png is a lesson on a laptop, phone.png the same in the dark on a phone, wall.png the wall page;
questions.png is a lesson with a queue of questions, a poll and a pin, questions-phone.png what a
pupil sees of it; images.png and images-phone.png are a room in which images are shown and files are
on their way; live.png and live-phone.png are the live view of a server with a reader that
stopped.
Nothing in them is made up: a real browser shows a real server, where people do what stands below.
The next run's pictures differ in the times only.
"""

from pathlib import Path

from docs.pictures.palette import with_palette
from tests.chat_server.gateways.page.live_site import lag_of, look, suspend, talkative_class
from tests.chat_server.gateways.page.site import Site, claim, running_site
from tests.chat_server.gateways.page.test_board import HELD_BACK
from tests.support.browser import Browser, Page

FOLDER = Path(__file__).parent
LAPTOP, PHONE, PROJECTOR = (1120, 700), (360, 700), (1280, 720)
WIDE = (1280, 800)
LIVE, LIVE_PHONE = (1280, 800), (390, 844)
IN_ENGLISH = """
const made = Intl.DateTimeFormat;
Intl.DateTimeFormat = function (_, how) { return new made("en-GB", how); };
"""
DRAWING = """(async () => {
  const canvas = new OffscreenCanvas(900, 600), pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, 900, 600);
  pen.fillStyle = pen.strokeStyle = "#234";
  Object.assign(pen, { lineWidth: 6, font: "40px sans-serif" });
  pen.fillText("client", 80, 60);
  pen.fillText("server", 690, 60);
  const line = (...ends) => {
    pen.beginPath();
    ends.forEach(([x, y]) => pen.lineTo(x, y));
    pen.stroke();
  };
  line([140, 90], [140, 580]);
  line([750, 90], [750, 580]);
  [["SYN", 0], ["SYN, ACK", 1], ["ACK", 0]].forEach(([text, back], step) => {
    const y = 130 + step * 145, [from, to] = back ? [740, 150] : [150, 740], way = back ? 20 : -20;
    line([from, y], [to, y + 80]);
    line([to + way, y + 60], [to, y + 80], [to + way, y + 95]);
    pen.fillText(text, 390, y + 20);
  });
  const blob = await canvas.convertToBlob({ type: "image/png" });
  const data = new DataTransfer();
  data.items.add(new File([blob], "handshake.png"));
  const event = new DragEvent("drop", { dataTransfer: data, cancelable: true });
  document.querySelector("#scroller").dispatchEvent(event);
})()"""
CODE = """```python
def read(sock, count):
    data = b""
    while len(data) < count:
        data += sock.recv(count - len(data))
    return data
```"""


def main() -> None:
    """Take all pictures."""
    with Browser() as browser, running_site(browser) as site:
        teacher, phone = lesson(site)
        wall = site.open("wall", size=PROJECTOR, beside=teacher, script=IN_ENGLISH)
        wall.see("Hands up: 1")
        wall.until(
            lambda: wall.run("document.querySelector('#qr').naturalWidth") > 0, "the QR code"
        )
        take(wall, "wall")
        take(teacher, "page")
        take(phone, "phone")
    with Browser() as browser, running_site(browser) as site:
        questions(site)
    with Browser() as browser, running_site(browser) as site:
        images(site)
    with Browser() as browser, running_site(browser) as site:
        live_view(site)


def live_view(site: Site) -> None:
    """Have people talk, and one of them suspended from the live view."""
    with talkative_class(site):
        live = site.open("live", size=LIVE, script=IN_ENGLISH)
        look(live, site)
        suspend(live, "pupil7")
        live.until(lambda: lag_of(live, "pupil7") > 200, "a lag")
        take(live, "live")
        live.resize(*LIVE_PHONE)
        live.until(lambda: live.run("innerWidth") == LIVE_PHONE[0], "the width")
        take(live, "live-phone")


def questions(site: Site) -> None:
    """Have pupils ask, and a teacher ask them."""
    teacher = site.enter("teacher", size=LAPTOP, script=IN_ENGLISH)
    claim(teacher, site)
    ben = site.enter("ben", script=IN_ENGLISH)
    phone = site.enter("ana", size=PHONE, phone=True, script=IN_ENGLISH)
    teacher.enter("send is not sendall: look at what it returns")
    phone.see("what it returns")
    teacher.enter("/pin 1")
    phone.enter("is it the same with recv?")
    ben.see("the same with recv")
    ben.enter("/reply ana yes, it may return less than you asked for")
    teacher.see("than you asked for")
    ben.enter("/hand Does a second recv lose what the first left?")
    teacher.see("Hands up: 1", "#people")
    phone.enter("/hand When does recv return nothing?")
    teacher.see("Hands up: 2", "#people")
    teacher.enter("/next")
    phone.see("has the floor")
    teacher.enter("/poll Is recv blocking? yes | no | it depends")
    ben.see("it depends")
    ben.enter("/vote 3")
    phone.see("it depends")
    phone.enter("/vote 1")
    votes = "[...document.querySelectorAll('.votes')].map((each) => each.textContent).join('/')"
    teacher.until(lambda: teacher.run(votes) == "1/0/1", "the votes")
    take(teacher, "questions")
    take(phone, "questions-phone")


def images(site: Site) -> None:
    """Have a pupil offer a drawing, and send two files whose last pieces wait."""
    teacher = site.enter("teacher", size=WIDE, script=IN_ENGLISH)
    claim(teacher, site)
    teacher.enter("/rules images on")
    phone = site.enter("ana", size=PHONE, phone=True, script=f"{IN_ENGLISH}{HELD_BACK}")
    teacher.enter("who draws how a connection begins?")
    phone.see("how a connection begins?")
    phone.run(DRAWING)
    phone.until(lambda: phone.run("held.length") == 1, "the drawing on its way")
    phone.run("held.shift()()")
    drawn = "document.querySelector('#messages img')?.complete"
    for page in (teacher, phone):
        page.until(lambda page=page: page.run(drawn), "the drawing")
    teacher.enter("/reply ana yes: three steps, and both know that the other hears them")
    phone.see("three steps")
    for name in ("capture of the handshake.pcap", "notes.pdf"):
        phone.run(f"drop({name!r}, 2500000)")
    phone.until(lambda: phone.run("held.length") == 2, "two files on their way")
    phone.run("held.shift()()")
    percent = "document.querySelector('#transfers .percent').textContent"
    phone.until(lambda: phone.run(percent) == "40 %", "the first piece")
    take(teacher, "images")
    take(phone, "images-phone")


def lesson(site: Site) -> tuple[Page, Page]:
    """Have a teacher and two students in a room. Return the pages of the teacher and of one."""
    teacher = site.enter("teacher", size=LAPTOP, script=IN_ENGLISH)
    claim(teacher, site)
    teacher.enter("/topic Networks, exercise 3: read a whole message")
    ben = site.enter("ben", script=IN_ENGLISH)
    phone = site.enter("ana", size=PHONE, dark=True, phone=True, script=IN_ENGLISH)
    phone.enter("who knows recv? it gives me half a line")
    ben.see("half a line")
    ben.enter("ana: it may return less than you asked for")
    ben.enter("see https://docs.python.org/3/library/socket.html#socket.socket.recv")
    phone.see("socket.recv")
    phone.enter("so I need a loop?")
    teacher.see("a loop?")
    teacher.run("document.querySelector('#input').focus()")
    teacher.type(CODE)
    teacher.press("Enter")
    phone.see("return data")
    phone.enter("/me tries that")
    teacher.see("tries that")
    teacher.enter("/freeze 10m")
    ben.choose("Raise your hand")
    teacher.see("Hands up: 1", "#people")
    phone.see("Raise your hand", "#frozen")
    return teacher, phone


def take(page: Page, name: str) -> None:
    """Write what a page shows, with few colours."""
    path = FOLDER / f"{name}.png"
    page.picture(path)
    path.write_bytes(with_palette(path.read_bytes()))


if __name__ == "__main__":
    main()
