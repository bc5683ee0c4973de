"""`chat-lab`: from the command line to a sub-command, and to an exit code.

Exit codes: 0, it was done. 1, it could not be done. 2, wrong use. 130, Ctrl-C.
"""

import importlib
import sys
from collections.abc import Sequence
from typing import NamedTuple

from chat_client.display.text import one_line
from chat_client.load.model.load_errors import LoadError, UsageError
from lab.stage.errors import LabError

FAILED = 1
WRONG_USE = 2
INTERRUPTED = 130


class Command(NamedTuple):
    """A sub-command.

    Attributes:
        module: the module whose `main` takes the arguments and returns the exit code. It is
            imported when the command is used.
        usage: its arguments.
        help: what it does.
    """

    module: str
    usage: str
    help: str


COMMANDS = {
    "list": Command("lab.commands.listing", "", "list the lessons"),
    "run": Command("lab.commands.run", "LESSON", "play a lesson: the broken server, then ours"),
    "exercise": Command("lab.commands.exercise", "NAME DIR", "begin an exercise: write a starter"),
    "check": Command("lab.commands.check", "DIR", "check your own server"),
    "watch": Command("lab.commands.watch", "DIR", "check it whenever a file is saved"),
    "report": Command("lab.commands.report", "DIR ...", "check a class: who has passed what"),
    "replay": Command("lab.commands.replay", "FILE", "play back what chat-client --trace kept"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sub-command and return the exit code.

    Args:
        arguments: the command line without the program's name; sys.argv's if it is None.
    """
    typed = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(errors="replace")
    name, *rest = typed or ["list"]
    if name in ("-h", "--help"):
        return _help()
    try:
        if name not in COMMANDS:
            raise LabError(f"There is no command {name!r}. chat-lab --help shows what there is.")
        code: int = importlib.import_module(COMMANDS[name].module).main(rest)
        return code
    except (LabError, UsageError) as error:
        return _fail(str(error), WRONG_USE)
    except LoadError as error:  # a file that could not be written
        return _fail(str(error), FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED


def _help() -> int:
    print("usage: chat-lab [COMMAND ...]\n\nLessons on concurrency, to see, break and mend.\n")
    for name, command in COMMANDS.items():
        print(f"  {f'{name} {command.usage}':<24} {command.help}")
    print("\nchat-lab COMMAND --help says more of one of them.")
    return 0


def _fail(text: str, code: int) -> int:
    print(f"chat-lab: {one_line(text)}", file=sys.stderr)
    return code
