"""The torture over several servers on one Redis: `python -m tests.torture --redis`.

Clients move between two servers; the servers are killed and stand still (SIGSTOP), and so does
Redis. With `--lose-writes` a failover loses what Redis had confirmed: the checker has to find that.
"""
