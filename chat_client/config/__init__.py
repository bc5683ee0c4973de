"""Settings, passwords and exit codes.

It may import: session and below.
Never in it: what a command or the screen does.
"""
