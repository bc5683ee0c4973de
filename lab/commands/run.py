"""`chat-lab run LESSON`: play a lesson, the broken server first and then the mended ones."""

import argparse
from collections.abc import Sequence

from lab.lessons.catalogue import lesson
from lab.stage.play import play
from lab.views.plain import Lines


def main(arguments: Sequence[str]) -> int:
    """Play a lesson. Return the exit code."""
    parser = argparse.ArgumentParser(
        prog="chat-lab run", description="Play a lesson.", allow_abbrev=False
    )
    parser.add_argument("lesson", metavar="LESSON", help="its name, or its number")
    options = parser.parse_args(arguments)
    chosen = lesson(options.lesson)
    view = Lines()
    for server in chosen.servers:
        view.begin(chosen, server)
        verdict = play(chosen, server, view.watch)
        if verdict is not None:
            view.end(verdict)
    if chosen.beside is not None:
        for table in chosen.beside():
            view.table(table)
    return 0
