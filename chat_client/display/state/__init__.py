"""What the terminal client knows: its rooms, what is new in them, who is there, who is hidden.

It may import: the modules of `display` but `status_line`, and what `display` may.
Never in it: a thread or a lock. The screen's thread owns all of it.
"""
