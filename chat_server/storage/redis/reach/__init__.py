"""One connection to a Redis, or to all nodes of a cluster; which Redis is the master.

It may import: `scripts`, and runtime.
Never in it: what is stored, or who waits for a connection.
"""
