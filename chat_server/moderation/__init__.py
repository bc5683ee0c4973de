"""What those in charge do, and what holds because of it.

It may import: delivery and below.
Never in it: bytes, sockets and SQL.
"""
