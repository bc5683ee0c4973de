"""How the server is found by clients that have no address: a UDP query, and mDNS.

It may import: `addresses` and `wakeup`, and what `network` may.
Never in it: who may come in, and a word of chat.
"""
