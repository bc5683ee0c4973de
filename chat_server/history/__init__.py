"""What is kept: the log of every room, and the sessions that may be taken up again.

Nothing here knows a socket. `folder` owns the data folder, `file` the database in it, of which
`store` has the rooms and what was said there, and `sessions` who said it; `search` has the
full-text index beside it.
"""
