"""What an IRC client may ask for: one function for each command, in a table.

May import what gateways may, and the modules of `irc`.
"""
