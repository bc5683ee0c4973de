"""Events as text: lines, records, the status line, times.

It may import: files, events and errors.
Never in it: a socket, or a thread.
"""
