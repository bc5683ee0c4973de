"""What can be typed: each command with its help, its arguments and what it does.

It may import: api and below.
Never in it: how a line is edited or drawn.
"""
