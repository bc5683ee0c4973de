"""IRC clients: RFC 1459 and 2812 as modern clients use them, with the capabilities of IRCv3.

May import what gateways may. Nothing here knows a socket or a thread.
"""
