"""A second client comes while the first one is connected and says nothing. Is it served?"""

from lab.stage.lesson import Server
from lab.stage.stage import Stage, Verdict

SERVERS = [
    Server("broken.py", "one client after the other", False),
    Server("mended.py", "a thread for each client", True),
    Server("one_loop.py", "one thread, and selectors", True),
]
GUILTY = ["        serve(sock)  # the next accept comes when this client has gone"]


def attack(stage: Stage) -> Verdict:
    """Keep one client connected, and let another one come."""
    stage.step("ana comes and says something.")
    ana = stage.join("ana")
    stage.say(ana, "hello")
    ana.hears_text("ana", "hello")
    stage.step("ana stays connected and is silent. ben comes and says something, too.")
    ben = stage.connect("ben")
    served = stage.comes(ben, lambda: "welcome ben" in ben.lines)
    stage.say(ben, "is anybody there?")
    answered = stage.answers(ben, "is anybody there?")
    stage.step("ana hangs up.")
    ana.close()
    later = ben.hears_text("ben", "is anybody there?")
    numbers = {
        "ben is greeted while ana is connected": "yes" if served else "no",
        "ben is answered while ana is connected": "yes" if answered else "no",
        "ben is answered when ana has hung up": "yes" if later else "no",
    }
    if served and answered:
        return Verdict(True, "Two clients were served at the same time.", numbers)
    when = "until ana hung up" if later else "and was not served even when ana had hung up"
    return Verdict(False, f"ben waited {when}: the server serves one client at a time.", numbers)
