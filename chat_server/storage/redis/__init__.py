"""The log engine on Redis (or Valkey), which several server processes may share.

It may import: the rest of storage, and runtime.
Never in it: SQL, but for the search index, which each process derives for itself.
"""
