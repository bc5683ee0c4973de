"""What is said: to a room, to one person, as a file; taking it back, and reading it again.

It may import: the modules of `requests` but `dispatch`, and what `requests` may.
Never in it: how a message is stored or sent, and bytes.
"""
