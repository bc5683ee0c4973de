"""The operator's way in: the socket of `chat-server admin`, and the metrics for Prometheus.

It may import: `connection`, and what `gateways` may.
Never in it: anything that a client of the chat can reach.
"""
