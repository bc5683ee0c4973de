"""Four clients change between two rooms in both directions. Does each of them arrive?"""

from lab.stage.client import Client
from lab.stage.lesson import Server
from lab.stage.stage import Stage, Verdict

SERVERS = [
    Server("broken.py", "the old room's lock first, then the new one's", False),
    Server("mended.py", "both locks, always in the order of the names", True),
]
GUILTY = ["    with old.lock:", "        with new.lock:"]

NAMES = ("ana", "ben", "cho", "dan")
MOVES = 400
"""Moves of each client, there and back."""


def attack(stage: Stage) -> Verdict:
    """Let two clients move from red to blue while two others come from blue to red."""
    stage.step("Four clients come to the room red. cho and dan go to blue.")
    clients = [stage.join(name) for name in NAMES]
    for client in clients[2:]:
        client.say("/move blue")
        client.hears("moved to blue")
    start = _moves(clients, [0] * len(clients))
    stage.step(f"Each of them changes the room {MOVES} times, all at the same time.")
    for number, client in enumerate(clients):
        rooms = ("blue", "red") if number < 2 else ("red", "blue")
        client.send("".join(f"/move {rooms[each % 2]}\n" for each in range(MOVES)).encode())
    wanted = MOVES * len(clients)
    moves = [0] * len(clients)
    while sum(moves) < wanted:
        # As long as something moves, it is waited for.
        before = moves
        if not stage.comes(clients[0], lambda: _moves(clients, start) != before):  # noqa: B023
            break
        moves = _moves(clients, start)
    numbers = {f"moves of {name}": str(each) for name, each in zip(NAMES, moves, strict=True)}
    if sum(moves) == wanted:
        return Verdict(True, f"All {wanted:,} moves arrived.", numbers)
    stage.step("Nothing moves any more. The threads of the server show why.")
    stuck = [
        f"{thread.name} holds {' and '.join(thread.holds)} and waits for {thread.waits}"
        for thread in stage.server.report.threads
        if thread.waits and thread.holds
    ]
    return Verdict(
        False, f"Nobody can move any more: {'; '.join(stuck) or 'the threads wait'}.", numbers
    )


def _moves(clients: list[Client], start: list[int]) -> list[int]:
    """How often each client has moved since it had moved so often."""
    return [
        sum(line.startswith("moved to ") for line in list(client.lines)) - before
        for client, before in zip(clients, start, strict=True)
    ]
