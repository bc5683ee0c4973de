"""Moves all logs and sessions from one engine to the other, for `chat-server admin migrate`.

It may import: the rest of storage, and runtime.
Never in it: a server that runs: nobody writes to either engine meanwhile.
"""
