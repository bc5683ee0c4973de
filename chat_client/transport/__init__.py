"""One connection: addresses, TLS, and whom to trust.

It may import: display and below.
Never in it: what requests and events mean.
"""
