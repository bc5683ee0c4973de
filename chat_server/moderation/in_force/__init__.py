"""What is in force: bans, mutes, the rules of rooms, and what they permit to whom.

It may import: what `moderation` may.
Never in it: an act of a moderator. Those change what is in force, and stand beside this folder.
"""
