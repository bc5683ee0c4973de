"""The load tester, in four folders from the top down: `control`, `report`, `generator`, `model`.

It may import: config and below.
Never in it: the terminal client's screen and commands.
"""
