"""The load tester, `chat-load`: many clients, a live picture, a verdict, a report.

A parent process (`run`) starts one worker process per core (`crew`, `worker`), each of which drives
its clients (`clients`) from one loop. The load is due by the clock (`schedule`), every byte that
a member receives is checked (`audit`), times are kept in buckets (`histogram`), and what the
workers tell (`messages`) becomes one `result` with a `verdict`.
"""
