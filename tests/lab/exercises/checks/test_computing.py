"""The check of the exercise on the GIL, on right and wrong servers."""

from pathlib import Path

import pytest

from lab.stage.pythons import FREE_THREADING
from tests.lab.exercises.student_servers import answer_of, check, expect_wrong

pytestmark = [pytest.mark.long, pytest.mark.alone]


def test_the_answer_passes() -> None:
    """Nothing is asked for that the model answer does not do."""
    outcome = check("computing", answer_of("computing"))
    assert outcome.passed, outcome


def test_wrong_servers() -> None:
    """Each is told whose answer came too late, and what to read."""
    expected = {
        "no_thread_for_clients": ("A ping does not wait for a job", '"ping\\n" while client 1\'s'),
        "accepts_when_done": ("Who comes meanwhile is served", "The answer to client 3, who sent"),
        "one_process": ("A short job does not wait for a long one", 'who sent "square '),
        "two_at_most": ("Several jobs at once", "The answer to client 2, who sent"),
        "times_is_the_exponent": ("Two kinds of lines", 'Client 1 sent "square '),
    }
    if not FREE_THREADING:
        expected["thread_computes"] = (
            "A ping does not wait for a job",
            "long job ran, came when that job was done, but an answer before that was expected",
        )
    expect_wrong({f"computing/{name}": each for name, each in expected.items()})


def test_threads_in_python_code_pass(tmp_path: Path) -> None:
    """The interpreter is handed on every few milliseconds: pings wait, but not for the job."""
    server = tmp_path / "server.py"
    server.write_text(
        f"import sys\nsys.path.append({str(answer_of('computing').parent)!r})\n"
        "import computing\n"
        "def compute(numbers):\n"
        "    number, times, modulus = numbers\n"
        "    for _ in range(times):\n"
        "        number = number * number % modulus\n"
        "    return number\n"
        "computing.compute = compute\n"
        "computing.main()\n"
    )
    outcome = check("computing", server)
    assert outcome.passed, outcome
