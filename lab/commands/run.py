"""`chat-lab run LESSON`: play a lesson, the broken server first and then the mended ones."""

import argparse
import os
import sys
from collections.abc import Sequence

from chat_client.display.text import one_line
from chat_client.load.report.output import Output, check_writable, is_terminal, write_file
from lab.exercises.exercise_list import EXERCISES
from lab.lessons.catalogue import lesson
from lab.stage.errors import LabError
from lab.stage.lesson import Lesson
from lab.stage.play import play
from lab.views.handout import handout_page
from lab.views.plain import Lines
from lab.views.recorder import Recorder
from lab.views.view import View, ViewError

FAILED = 1
INTERRUPTED = 130


def main(arguments: Sequence[str]) -> int:
    """Play a lesson. Return the exit code.

    Raises:
        LabError: there is no such lesson, or it cannot be played here.
    """
    options = _parser().parse_args(arguments)
    if sys.platform == "win32":
        raise LabError("chat-lab run needs Linux or macOS: it looks into processes by pipes.")
    chosen = lesson(options.lesson)
    if options.serve is not None:
        return serve(chosen, options.host, options.serve)
    check_writable(options.html)
    output = Output()
    record = Recorder(_view(output, plain=options.plain))
    try:
        with record as view:
            stopped = _play(chosen, view, step_by_step=options.step)
    except ViewError as error:
        return _fail(str(error))
    except OSError as error:  # such as no descriptors, no processes
        return _fail(f"the lesson cannot be played: {error.strerror}")
    if stopped:
        return INTERRUPTED
    if options.html:
        write_file(options.html, handout_page(chosen, record).encode())
        output.say(f"wrote {one_line(options.html)}")
    for each in EXERCISES:
        if each.lesson == chosen.name:
            output.say(f"To build it yourself ({each.title}): chat-lab exercise {each.name} DIR")
    return _fail(output.failure) if output.failure else 0


def _fail(sentence: str) -> int:
    print(f"chat-lab: {sentence}", file=sys.stderr)
    return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chat-lab run",
        description="Play a lesson: attack its broken server, then those that withstand.",
        allow_abbrev=False,
    )
    parser.add_argument("lesson", metavar="LESSON", help="its name, or its number")
    parser.add_argument("--step", action="store_true", help="wait for a key before each step")
    parser.add_argument("--html", metavar="FILE", help="write a hand-out")
    parser.add_argument(
        "--serve", metavar="PORT", type=_port, nargs="?", const=8080,
        help="show it in a browser, at this port (8080)",
    )  # fmt: skip
    parser.add_argument(
        "--host", default="127.0.0.1",
        help="with --serve: the address to listen on; whoever reaches it can play (127.0.0.1)",
    )  # fmt: skip
    parser.add_argument("--plain", action="store_true", help="print lines, not a picture")
    return parser


def _view(output: Output, *, plain: bool) -> View:
    """Choose the picture where there is a terminal that can show it, else lines."""
    if plain or not is_terminal() or os.environ.get("TERM", "dumb") == "dumb":
        return Lines(output.say)
    if not _has_keys():
        return Lines(output.say)
    from lab.views.terminal import Picture  # rich takes a moment to load

    return Picture()


def _has_keys() -> bool:
    """Whether the standard input is a terminal, and the one that controls this process."""
    try:
        return sys.stdin is not None and os.tcgetpgrp(sys.stdin.fileno()) > 0
    except OSError:
        return False


def _play(chosen: Lesson, view: View, *, step_by_step: bool) -> bool:
    """Play all servers of a lesson. Return whether the user ended it."""
    for server in chosen.servers:
        view.begin(chosen, server)
        verdict = play(chosen, server, view.watch, step_by_step=step_by_step)
        if verdict is None:
            return True
        view.end(verdict)
    if chosen.beside is not None:
        for table in chosen.beside():
            view.table(table)
    return False


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def serve(chosen: Lesson, host: str, port: int) -> int:
    """Show a lesson in a browser, where the user says which server is played, until Ctrl-C.

    Returns:
        The exit code.

    Raises:
        LabError: nobody can listen there.
    """
    from lab.views.live import LivePage

    with LivePage(chosen, host, port) as page:
        print(f"Open {page.url} in a browser. Ctrl-C ends.", flush=True)
        while True:
            order = page.orders.get()
            if order.do != "play" or not 0 <= order.number < len(chosen.servers):
                continue  # meant for a server that has just ended
            server = chosen.servers[order.number]
            page.begin(chosen, server)
            verdict = play(chosen, server, page.watch)
            if verdict is not None:
                page.end(verdict)
            page.rest()
