"""The files that are offered in rooms, on the disk, and which of them are images.

It may import: runtime.
Never in it: HTTP, and who may offer or fetch a file.
"""
