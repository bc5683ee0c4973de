"""What people and programs see of a run: the live view, the text, JSON, CSV and the page.

It may import: `model`; `display` of the client.
Never in it: a figure that `model` does not have, and anything that changes a run.
"""
