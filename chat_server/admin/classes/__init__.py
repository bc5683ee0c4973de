"""Class lists: read from a file, handed out as PINs, and compared with who was there.

It may import: `reports`, `moments` and `show`, and what `admin` may.
Never in it: anything that talks to a server.
"""
