"""Torture: many people talk while the server is killed and the network breaks; nothing is lost.

    python -m tests.torture --minutes 10

A run has four parts:

1. Clients (`client`, `visit`, `wire`, `person`), written for this on nothing but the protocol
   package, say numbered messages, stop reading, go, come back, and take their own sessions over.
   The `executioner` kills the server at random moments and starts it again on the same data and
   port. Every connection leads through a `gateway` that cuts, stalls, delays and splits it.
2. All faults cease. Everybody sends again what had no reply, and reads to the end of every room.
3. The whole log is read back twice (`stored`): from the server, page by page, and from its
   database once it has stopped.
4. The `checker` holds what everybody saw (`records`, collected by the `journal`) against what was
   promised. It is a pure function, and has tests that show that it can fail.

All that is random comes from one seed: what the clients do and say, which connections break at
which byte, when the server dies. How the threads of both sides are scheduled does not, so the
same seed brings a similar run back, not the same one.
"""
