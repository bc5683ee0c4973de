"""The processes on one Redis: which live, whose nicks are whose, what each writes for the others.

It may import: what lies beside it in storage/redis, the rest of storage, and runtime.
Never in it: what was said in rooms.
"""
