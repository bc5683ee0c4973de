"""A chat server with asyncio streams and one `await drain()` for each member, to compare with.

The first line is `JOIN room nick`. Every other line goes to the members of the room. The server
stores nothing and checks nothing.
"""

import argparse
import asyncio
import contextlib
import signal
from collections import defaultdict

rooms: defaultdict[str, set[asyncio.StreamWriter]] = defaultdict(set)


async def serve_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one client until it disconnects."""
    words = (await reader.readline()).decode().split()
    if len(words) != 3:
        writer.close()
        return
    _, room, nick = words
    members = rooms[room]
    members.add(writer)
    writer.write(f"JOINED {room}\n".encode())
    try:
        while line := await reader.readline():
            await say(members, f"{nick}: ".encode() + line)
    except ConnectionError:
        pass
    finally:
        members.discard(writer)
        writer.close()


async def say(members: set[asyncio.StreamWriter], line: bytes) -> None:
    """Send a line to all members."""
    for member in list(members):
        with contextlib.suppress(ConnectionError):
            member.write(line)
            await member.drain()


async def serve(host: str, port: int) -> None:
    """Listen, print the address, and serve until SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    server = await asyncio.start_server(serve_client, host, port, backlog=1024)
    address = server.sockets[0].getsockname()
    print(f"listening on tcp://{address[0]}:{address[1]}", flush=True)
    await stopped.wait()


def main() -> None:
    """Serve with the options of the command line."""

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--data", help="ignored: nothing is kept")
    options = parser.parse_args()
    asyncio.run(serve(options.host, options.port))


if __name__ == "__main__":
    main()
