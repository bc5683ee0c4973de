"""What is kept, and how it is written: the log of every room, sessions, the search index.

It may import: runtime.
Never in it: sockets, and who may do what.
"""
