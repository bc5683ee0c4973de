"""The lessons: a folder each, with servers that are complete programs, an attack and a text.

May import the stage. A server imports the standard library only, never the lab.
"""
