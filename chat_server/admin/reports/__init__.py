"""What a command writes of what is kept: transcripts, the audit log, attendance, polls.

It may import: `archive`, `moments` and `show`, and what `admin` may.
Never in it: a socket. What a report says comes from the files.
"""
