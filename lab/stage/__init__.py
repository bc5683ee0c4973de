"""What a lesson is played on: a server that is watched, clients, and what an attack found.

May import nothing of the lab. Must never contain a lesson, or anything that draws.
"""
