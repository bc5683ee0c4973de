"""What the server does at this moment, for an owner who looks: threads, members, commits.

It may import: `counters`, `outbox`, and what `delivery` may.
Never in it: anything that costs while nobody looks.
"""
