"""Every way in: bytes become requests, events become bytes.

It may import: everything but the root.
Never in it: what a request does, or a rule of the chat.
"""
