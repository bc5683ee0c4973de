"""The Python API: a chat, its rooms, what those in charge can do.

It may import: session and below.
Never in it: anything of a terminal.
"""
