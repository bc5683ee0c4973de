"""Clients come and go while somebody talks. Is the talker still served?"""

from lab.stage.client import Client
from lab.stage.lesson import Server
from lab.stage.stage import Stage, Verdict

SERVERS = [
    Server("broken.py", "threads change a dictionary as they like", False),
    Server("mended.py", "a lock, and a copy to go through", True),
]
GUILTY = ["    for sock in clients:", "        sock.sendall(line)", "    del clients[sock]"]

BUFFER = 65536
MOST = 400
"""Lines of 1 KB: more than the buffers of one client hold."""


def attack(stage: Stage) -> Verdict:
    """Let one client join in the middle of a broadcast, and another one break its connection."""
    stage.step("Four clients come; dan reads nothing.")
    ana, ben, cho = (stage.join(name) for name in ("ana", "ben", "cho"))
    dan = stage.join("dan", buffer=BUFFER)
    dan.suspend()
    stage.step("ana talks until the server waits for dan, amid its loop over everybody.")
    stage.fill(ana, MOST)
    stage.step("zoe joins: the dictionary grows. Then dan reads again, and the loop goes on.")
    zoe = stage.connect("zoe")
    zoe.is_welcome(1.0)
    dan.resume()
    joined = _is_served(stage, ana, "after zoe")
    stage.step("ben's connection breaks. cho says two lines.")
    ben.cut()
    gone = _is_served(stage, cho, "after ben") and _is_served(stage, cho, "and again")
    numbers = {
        "the talker is served after somebody joined": "yes" if joined else "no",
        "the talker is served after somebody has gone": "yes" if gone else "no",
        "errors in the server's threads": str(stage.server.said.count("Traceback")),
    }
    if joined and gone:
        return Verdict(True, "Clients came and went, and the talkers were served.", numbers)
    errors = [line for line in stage.server.said.splitlines() if "Error: " in line]
    return Verdict(
        False, f"A talker's thread in the server died: {' Then: '.join(errors)}.", numbers
    )


def _is_served(stage: Stage, client: Client, text: str) -> bool:
    stage.say(client, text)
    return stage.answers(client, text)
