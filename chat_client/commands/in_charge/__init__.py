"""Commands with which a room is led: keeping order, its rules, its board, polls.

It may import: `command`, and what `commands` may.
Never in it: who may do it, which the server decides.
"""
