"""The live state: rooms, who is in them, who is here.

It may import: identity and below.
Never in it: sockets, and the format of any wire.
Eleven files: a room has four (`room`, `log_tail`, `round`, `policy`), a person three (`session`,
`nicks`, `registry`). Parts of them in one file would be over 500 lines.
"""
