"""The live state: rooms, who is in them, who is here.

It may import: identity and below.
Never in it: sockets, and the format of any wire.
"""
