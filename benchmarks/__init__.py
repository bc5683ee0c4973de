"""Measurements of the server. They print, and never fail because something is slow.

They may import: `protocol`; `compare` also `chat_server.version`, and `servers` also `compare`.
They start servers as processes.
Never in it: a part of the server or the client that is measured.
"""
