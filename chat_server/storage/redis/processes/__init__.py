"""What each process on the same Redis shows of itself for as long as it lives.

It may import: what lies beside it in storage/redis, the rest of storage, and runtime.
Never in it: messages, or anything else that outlives the process that wrote it.
"""
