"""Browsers: HTTP, WebSocket, and what there is to get, apart from the page's own files (`page`).

May import what gateways may. Never in here: what a request does.
"""
