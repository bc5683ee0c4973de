"""The full-text index of what was said, which both log engines keep, and how texts become words.

It may import: `database`, and runtime.
Never in it: where an engine has its messages.
"""
