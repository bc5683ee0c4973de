"""Class lists: read from a file, handed out as PINs, and compared with who was there.

It may import what `admin` may. Nothing here talks to a server.
"""
