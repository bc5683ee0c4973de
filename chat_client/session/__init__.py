"""One person on one server, over many connections.

It may import: transport and below.
Never in it: how anything is shown.
"""
