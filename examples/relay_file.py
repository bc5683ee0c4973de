"""Says each new line of a file in a room, as `tail -f`: python relay_file.py HOST NICK ROOM FILE

A line is done when it is stored on the server. Whatever happens to the connection meanwhile, each
is said once, in order: `say` waits for the connection to be back, and what had no reply is sent
again under its old number, which the server knows. A file that is shortened is read from its start.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import chat_client

PAUSE = 0.2
"""Seconds between two looks at the file."""


def new_lines(path: Path) -> Iterator[str]:
    """Yield each line that is added to a file, once it is complete. Never ends.

    What is in the file when this is called counts as old.
    """
    return _lines_behind(path, _size(path))


def _lines_behind(path: Path, place: int) -> Iterator[str]:
    while True:
        size = _size(path)
        if size < place:
            place = 0
        if size > place:
            with path.open("rb") as file:
                file.seek(place)
                for line in file:
                    if line.endswith(b"\n"):
                        place += len(line)
                        yield line.decode("utf-8", "replace")
        time.sleep(PAUSE)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def sayable(line: str) -> str:
    """Return a line without what no server takes, and not longer than it takes."""
    return "".join(each for each in line if each.isprintable() or each == "\t")[:4000].rstrip()


def main() -> None:
    """Relay until the server or the user ends it."""
    if len(sys.argv) != 5:
        print("usage: python relay_file.py HOST[:PORT] NICK ROOM FILE", file=sys.stderr)
        sys.exit(2)
    address, nick, room_name, path = sys.argv[1:]
    with chat_client.connect(address, nick=nick) as chat:
        room = chat.join(room_name)
        lines = new_lines(Path(path))
        print(f"following {path} in #{room.name}", flush=True)
        for line in filter(None, map(sayable, lines)):
            try:
                room.say(line)
            except chat_client.Unconfirmed as error:
                print(f"{error}: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except chat_client.ChatError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        pass
