"""Who somebody is, and who may come in.

It may import: storage, network and runtime.
Never in it: rooms, and what is said in them.
"""
