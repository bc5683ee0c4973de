"""`chat-server --live`: a running server on a terminal. It asks over the operator's socket.

It may import: the rest of admin, rooms and below. `rich` draws, and is loaded when it is needed.
Never in it: anything of the server's own process, which drawing must not hold up.
"""
