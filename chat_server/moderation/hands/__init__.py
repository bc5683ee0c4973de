"""Raised hands and the floor: whose hands are up in which room, who has the floor, who is told.

It may import: `in_force`, and what `moderation` may.
Never in it: the act of a moderator who gives the floor, which is in room_actions.py.
"""
