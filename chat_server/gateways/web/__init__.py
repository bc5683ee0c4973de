"""Browsers: HTTP, WebSocket, and what there is to get, apart from the page's own files (`page`).

It may import: `gateway` and `native`, and what `gateways` may.
Never in it: what a request does.
"""
