"""What `people.db` keeps of people: accounts, bans, rules, class lists, polls, waiting messages.

It may import: `roles`, and what `identity` may.
Never in it: a decision. It reads and writes records, and other parts say what they mean.
"""
