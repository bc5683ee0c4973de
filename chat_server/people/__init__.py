"""Who people are and what they may do: accounts, roles, bans, rules of rooms, and who did what.

Nothing here knows a socket. `store` keeps it all in one database, apart from the history; `roles`
says who may act on whom; `accounts` has the passwords, `sanctions` what moderators decided.
"""
