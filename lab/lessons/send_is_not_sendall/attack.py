"""A client says a long text and reads the answer late. Does all of it come?"""

from lab.stage.lesson import Server
from lab.stage.stage import Stage, Verdict

SERVERS = [
    Server("broken.py", "send, and its result is not looked at", False),
    Server("mended.py", "sendall", True),
    Server("own_loop.py", "send in a loop", True),
]
GUILTY = ['            sock.send(b"%s: %s\\n" % (name, line))']

SIZE = 8_000_000
"""Characters of the long text: more than the kernel takes at once."""

BUFFER = 65536


def attack(stage: Stage) -> Verdict:
    """Let the kernel's buffers be full while the server answers."""
    stage.step("ana comes.")
    ana = stage.join("ana", buffer=BUFFER)
    stage.step(f"ana reads nothing while she says a text of {SIZE // 1_000_000} MB.")
    ana.suspend()
    text = "x" * SIZE
    taken = stage.say(ana, text, 30.0)
    stage.is_stuck(ana)
    stage.step("ana reads again, and says one more word.")
    ana.resume()
    stage.say(ana, "end")
    stage.comes(ana, lambda: ana.lines[-1].endswith("ana: end"))
    whole = ana.messages() == [("ana", text), ("ana", "end")]
    wanted = len("welcome ana\n") + len("ana: \n") + SIZE + len("ana: end\n")
    numbers = {
        "bytes that were to come": f"{wanted:,}",
        "bytes that came": f"{ana.bytes:,}",
        "the server took the text": "yes" if taken else "no",
    }
    if whole:
        return Verdict(True, "The long text came back whole, and the word after it.", numbers)
    return Verdict(
        False,
        f"{wanted - ana.bytes:,} bytes are missing, in the middle of a line: send returned how "
        "many bytes it took, and nobody sent the others.",
        numbers,
    )
