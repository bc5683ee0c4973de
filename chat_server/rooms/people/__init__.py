"""Who is here: sessions, the nicks in use, and the registry of both.

It may import: the modules of `rooms` but `attendance`, and what `rooms` may.
Never in it: what is said, and how anything is sent.
"""
