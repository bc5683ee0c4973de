"""The machine that the program runs on: its processors, its service manager, its shell.

It may import: nothing of ours.
Never in it: anything of chat.
"""
