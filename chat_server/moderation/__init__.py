"""Who is in charge, and what they do: kicks, bans and mutes, rules of rooms, announcements.

`requests` takes what is asked, `order` does it and knows what holds because of it. `targets` finds
whom a word means, `rule_book` keeps the rules of the rooms, `notices` says in a room what was done.
"""
