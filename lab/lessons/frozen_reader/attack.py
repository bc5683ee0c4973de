"""One of four clients stops reading while another one talks. Do the others go on?"""

from lab.stage.lesson import Server
from lab.stage.stage import Stage, Verdict

SERVERS = [
    Server("broken.py", "one lock, held while sending", False),
    Server("mended.py", "a log, and a cursor for each client", True),
    Server("skip.py", "leave lines out for who does not read", False),
    Server("kick.py", "throw out who does not read", False),
    Server("grow.py", "keep everything for who does not read", True),
]
GUILTY = ["    with lock:", "                sock.sendall(message)"]

TEXTS = 600
"""How many lines are said: three times what the buffers hold."""

SIZE = 1000
"""Characters of a line."""

BUFFER = 65536


def attack(stage: Stage) -> Verdict:
    """Suspend a client, and count what the others receive."""
    stage.step("Four clients come: ana will talk; ben, cho and dan listen.")
    ana = stage.join("ana", buffer=BUFFER)
    listeners = [stage.join(name, buffer=BUFFER) for name in ("ben", "cho", "dan")]
    *awake, dan = listeners
    ben = awake[0]
    stage.step("dan's program is suspended: it does not read any more.")
    dan.suspend()
    stage.step(f"ana says {TEXTS} lines, the next one as soon as the last one has come back.")
    said = stage.fill(ana, TEXTS, SIZE)
    stage.step("ben says something, too.")
    stage.say(ben, "is anybody there?")
    answered = stage.answers(ben, "is anybody there?")
    while_suspended = [each.count_messages(said) for each in awake]
    stage.is_quiet(ben)
    kept = stage.server.report.values.get("kept", 0)
    stage.step("dan reads again.")
    dan.resume()
    stage.say(ana, "end")
    dan.hears_text("ana", "end")
    dan_got = len(dan.messages())
    numbers = {
        "lines that came back to ana": f"{said} of {TEXTS}",
        "ben is answered meanwhile": "yes" if answered else "no",
        "received by ben and cho meanwhile": " and ".join(map(str, while_suspended)),
        "received by dan in the end": str(dan_got),
        "lines kept for each client apart": f"{kept:,}",
    }
    if said < TEXTS:
        sentence = (
            f"After {said} lines nobody received anything: everybody waited for dan, who did not "
            "read."
        )
        return Verdict(False, sentence, numbers)
    if dan_got < said + 2:
        how = "was thrown out" if dan.ended else "never got the lines in between"
        return Verdict(False, f"Nobody waited for dan, but dan {how}.", numbers)
    if kept:
        return Verdict(
            True,
            "Nobody waited for dan, and dan got everything later. Meanwhile the server kept "
            f"{kept} lines for each client apart; that number has no bound.",
            numbers,
        )
    return Verdict(True, "Nobody waited for dan, and dan got everything later.", numbers)
