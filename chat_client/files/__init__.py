"""The user's own files, and what differs between systems.

It may import: nothing above it.
Never in it: what is in the files.
"""
