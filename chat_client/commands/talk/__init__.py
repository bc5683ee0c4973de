"""Commands for what is said: to a room, to one person, as a file; changing and reading it.

It may import: `in_charge`, `command`, and what `commands` may.
Never in it: how a line is split into a command and its arguments, which is in `parse`.
"""
