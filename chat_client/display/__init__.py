"""Events as text: lines, records, the status line, times.

It may import: files, events and errors.
Never in it: a socket, or a thread.
Eleven files: `model` would be over 500 lines with what it is made of (`hiding`, `people`,
`room_view`, `stir`).
"""
