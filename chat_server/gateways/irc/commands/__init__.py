"""What an IRC client may ask for: one function for each command, in a table.

Eleven modules: one for each group of commands, by the group's name, and the table.
It may import: `wire`, the modules of `irc` but `irc_gateway` and `registration`.
Never in it: what a request does, which is in `requests`.
"""
