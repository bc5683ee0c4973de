"""The sub-commands: a module each, with a `main` that takes the arguments.

May import all of the lab. Must never be imported by it, but by name in the table in `lab/cli.py`.
"""
