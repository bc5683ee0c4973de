"""The operator's commands, which read files or ask the running server.

It may import: rooms and below.
Never in it: anything that a client can reach.
"""
