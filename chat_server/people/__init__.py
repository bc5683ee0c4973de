"""Who people are and what they may do: accounts, roles, bans, rules of rooms, and who did what.

Nothing here knows a socket. `store` keeps it all in one database, apart from the history; `roles`
says who may act on whom. `accounts` says whose a nick is, `proofs` whose password is right, which
`passwords` hashes; `sanctions` has what moderators decided.
"""
