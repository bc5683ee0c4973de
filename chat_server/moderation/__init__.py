"""Who is in charge, and what they do: kicks, bans and mutes, rules of rooms, announcements.

`requests` takes what is asked. `acts_on_people` and `acts_on_rooms` do it, `checks` says what holds
because of it, `hands` who would like to speak in spite of it. `targets` finds whom a word means,
`rule_book` keeps the rules of the rooms, `notices` says in a room what was done.
"""
