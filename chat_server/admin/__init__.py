"""The operator's commands, which read files or ask the running server.

It may import: rooms and below.
Never in it: anything that a client can reach.
Twelve files: a file for each kind of report, the two ends of the command line and of the operator's
socket, and three that all commands share (`files`, `moments`, `show`).
"""
