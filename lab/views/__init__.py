"""What a lesson looks like: in a terminal, as lines, as a page.

May import lessons and below. Must never decide what an attack does.
"""
