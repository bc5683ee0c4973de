"""The load tester: `model`, `generator`, `control`, `report`.

It may import: config and below.
Never in it: the terminal client's screen and commands.
"""
