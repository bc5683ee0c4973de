"""The parent process: the options, the workers, one run or the search for the limit.

It may import: `generator`, `report`, `model`; `config` and below of the client.
Never in it: a simulated client, or how a result is written down.
"""
