"""What every part needs: settings, the clock, timers, logs, threads.

It may import: nothing above it.
Never in it: anything that only one part needs.
Eleven files, five of them under 90 lines: each has the name that somebody looks for (clock, errors,
programs, systemd, timers).
"""
