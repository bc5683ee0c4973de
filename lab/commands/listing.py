"""`chat-lab`, `chat-lab list`: which lessons there are."""

import argparse
from collections.abc import Sequence

from lab.lessons.catalogue import lessons


def main(arguments: Sequence[str]) -> int:
    """Print the lessons. Return the exit code."""
    argparse.ArgumentParser(
        prog="chat-lab list", description="List the lessons.", allow_abbrev=False
    ).parse_args(arguments)
    for lesson in lessons():
        print(f"{lesson.number:>2}  {lesson.name:<20} {lesson.summary}")
    print("\nchat-lab run LESSON plays one. chat-lab exercise lists the exercises.")
    return 0
