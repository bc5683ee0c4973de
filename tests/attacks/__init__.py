"""What a bystander notices while others do all that the limits let them do.

    python -m tests.attacks --only hello --seconds 5

A real server at its default settings. A bystander, in a room of its own and from an address of its
own, measures what `say`, `ping`, `tell`, `join`, `search` and `hello` take, each alone. Beside it
1, 5 or 50 clients of one address, or of a few, repeat one kind of request, at once or steadily. The
command prints a line for each attack: the bystander's p50 and p99 in milliseconds, and the memory
and the threads of the server before, during and after it.
"""
