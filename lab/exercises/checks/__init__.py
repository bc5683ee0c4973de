"""What each exercise asks of a server: one function for each, which raises `Wrong`.

May import `peer` and `target` of the exercises; nothing here starts, stops or prints.
"""
