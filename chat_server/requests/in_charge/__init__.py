"""What those in charge ask for: keeping order, rules of a room, pins, polls, raised hands.

It may import: the modules of `requests` but `dispatch`, and what `requests` may.
Never in it: what holds because of it, which is in `moderation`, and bytes.
"""
