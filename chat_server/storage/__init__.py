"""What is kept, and how it is written: the log of every room, sessions, the search index.

Eleven modules: what the engines have in common stands beside them, and what other files need.
It may import: runtime.
Never in it: sockets, and who may do what.
"""
