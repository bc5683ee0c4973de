"""A chat server with asyncio: one loop, and a coroutine for each client."""

import asyncio
import sys

writers = {}


async def serve(reader, writer):
    name = (await reader.readline()).strip()
    writers[writer] = name
    writer.write(b"welcome %s\n" % name)
    try:
        while line := await reader.readline():
            for other in writers:
                other.write(b"%s: %s" % (name, line))  # into a buffer that has no bound
    except OSError:
        pass  # the connection broke
    del writers[writer]
    writer.close()


async def main():
    port = int(sys.argv[1])
    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=1000, limit=10_000_000)
    await server.serve_forever()


asyncio.run(main())
