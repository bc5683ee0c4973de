"""What goes over the wire of IRC: lines, names, tags, labels, and how messages are written.

May import what gateways may, and nothing else of `irc`. Nothing here knows a client.
"""
