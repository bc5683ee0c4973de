"""What goes over the wire of IRC: lines, names, tags, labels, and how messages are written.

It may import: what `gateways` may, and nothing else of `irc`.
Never in it: a client, a socket or a thread.
"""
