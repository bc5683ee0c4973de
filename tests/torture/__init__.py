"""Torture: many clients talk while the server is killed and the network breaks; nothing is lost.

    python -m tests.torture --minutes 10
    python -m tests.torture --minutes 10 --workers 3 --keep 500 --no-irc --no-websocket
    python -m tests.torture --minutes 10 --redis
    python -m tests.torture --lose-writes

The last two are about two servers on one Redis, between which the clients move: see `cluster`.

A run has four parts:

1. Clients say numbered messages, edit and delete them, stop reading, disconnect, come back, and
   take over their own sessions. Native clients (`client`, `visit`, `wire`, `person`) are written
   for this, on nothing but the protocol package. A third of them speak WebSocket (`websocket_wire`,
   on the `websockets` library), unless there is `--no-websocket`, and a sixth speak IRC
   (`irc_client`, `irc_visit`, `irc_wire`), unless there is `--no-irc`. The `executioner` kills the
   server at random moments and starts it again on the same data and port. The `caretaker` makes
   backups and removes rooms by the operator's commands meanwhile. Every connection leads through a
   `gateway`, which cuts, stalls, delays and splits it.
2. All faults cease. Every client sends again what had no reply, and reads to the end of every
   room.
3. The whole log is read twice (`stored`): from the server, page by page, and from its database once
   it has stopped.
4. The `checker`, and `irc_checker`, compare what all clients saw (`records`, collected by the
   `journal`) with what the protocol promises. They are pure functions, and have tests that show
   that they can fail.

Everything random comes from one seed: what the clients do and say, which connections break at
which byte, when the server dies. How the threads of both sides are scheduled does not, so the
same seed brings a similar run back, not the same one.
"""
