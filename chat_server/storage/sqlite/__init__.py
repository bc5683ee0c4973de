"""The log engine on SQLite: one file, one process that writes it.

It may import: the rest of storage, and runtime.
Never in it: what another engine needs too. That stands in storage/interface.py.
"""
