"""What a client may ask: one handler for each request.

It may import: moderation and below.
Never in it: bytes, sockets and SQL.
"""
