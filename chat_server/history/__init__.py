"""What is kept: the log of every room, and the sessions that may be taken up again.

Nothing here knows a socket. `folder` owns the data folder, `store` the database in it, `search`
the full-text index beside it.
"""
