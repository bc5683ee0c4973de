"""One connection to a Redis, and which Redis is the master where there are several.

It may import: runtime.
Never in it: what is stored, or who waits for a connection.
"""
