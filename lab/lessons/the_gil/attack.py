"""One client has the server compute for seconds. How often is another one answered meanwhile?"""

from pathlib import Path

from lab.stage.lesson import Server
from lab.stage.pythons import FREE_THREADING, rows_of_each_python
from lab.stage.stage import Stage, Table, Verdict

SERVERS = [
    Server("broken.py", "the client's thread computes", FREE_THREADING),
    Server("mended.py", "other processes compute", True),
]
GUILTY = [
    "    return math.factorial(number).bit_length()",
    '                line = b"%d bits" % bits_of_factorial(int(line[11:]))',
]

NUMBER = 400_000
"""Its factorial takes some seconds, in one call that does not let go of the interpreter."""

ANSWERS = 100
"""How many lines must come back to the other client before the result is there."""

TAKES = 60.0


def attack(stage: Stage) -> Verdict:
    """Compute, and let somebody talk until the result is there."""
    stage.step("ana and ben come. ben talks.")
    ana, ben = stage.join("ana"), stage.join("ben")
    stage.say(ben, "hello")
    ben.hears_text("ben", "hello")
    stage.step(f"ana has the server compute the factorial of {NUMBER:,}.")
    ana.say(f"/factorial {NUMBER}")
    stage.step("ben says a line, and the next one as soon as that has come back.")
    before = 0
    while before < ANSWERS:
        text = str(before)
        stage.say(ben, text)
        came = ben.hears_text("ben", text, TAKES)
        if not came or any(name == "ana" for name, _ in ben.messages()):
            break
        before += 1
    computed = ana.wait(lambda: any(name == "ana" for name, _ in ana.messages()), TAKES)
    numbers = {
        "ben's lines that came back before the result": f"{before} of {ANSWERS}",
        "the result": next((text for name, text in ana.messages() if name == "ana"), "none"),
    }
    if not computed:
        return Verdict(False, f"There was no result after {TAKES:g} s.", numbers)
    if before < ANSWERS:
        return Verdict(
            False,
            f"ben was answered {before} times, then everybody waited for the result: one call "
            "held the interpreter's lock.",
            numbers,
        )
    return Verdict(True, "ben was answered all the time while the server computed.", numbers)


LATENCY = Path(__file__).with_name("latency.py")


def beside() -> list[Table]:
    """How long a thread waits while another one computes, with each Python that there is."""
    return [
        Table(
            "Answers in 1.5 s while something else computes, and the milliseconds that each took",
            ["Python", "meanwhile", "answers", "median", "longest"],
            rows_of_each_python(LATENCY, 5),
        )
    ]
