"""What every part needs: settings, the clock, timers, logs, threads.

It may import: nothing above it.
Never in it: anything that only one part needs.
"""
