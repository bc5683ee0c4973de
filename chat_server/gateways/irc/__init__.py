"""IRC clients: RFC 1459 and 2812 as modern clients use them, with the capabilities of IRCv3.

It may import: `gateway`, `earlier`, and what `gateways` may.
Never in it: a socket or a thread.
"""
