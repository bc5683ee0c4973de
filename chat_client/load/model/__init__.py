"""What a run asks for and what it finds: the workload, the counts, the verdict.

It may import: no other folder of `load`; `errors` of the client.
Never in it: a socket, a process, a file or a clock.
"""
