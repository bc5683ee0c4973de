"""Sockets: where to listen, TLS, accepting, services with one visitor at a time.

It may import: runtime.
Never in it: a word of chat.
"""
