"""The settings: each with its default, its rule, and how all of them are read and checked.

It may import: `errors` of `runtime`.
Never in it: what a setting does.
"""
