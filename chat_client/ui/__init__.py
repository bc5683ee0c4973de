"""The program at a terminal or in a pipe.

It may import: commands and below.
Never in it: what a command does.
"""
