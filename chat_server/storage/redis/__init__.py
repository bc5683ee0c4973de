"""The log engine on Redis (or Valkey), which several server processes may share.

Thirteen modules: `redis_log` is the engine, and each other has one part of it, by the part's name.
It may import: the rest of storage, and runtime.
Never in it: SQL, but for the search index, which each process derives for itself.
"""
