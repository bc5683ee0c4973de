"""The worker process: the simulated clients, what they say, and the audit of what they receive.

It may import: `model`; `transport` and below of the client.
Never in it: a file, an option of the command line, or anything that blocks the worker's loop.
"""
