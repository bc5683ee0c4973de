"""What server, client and load tester share besides the wire: settings, durations, files.

It may import: nothing else of ours.
Never in it: anything that one program alone needs, a socket, a thread, a clock.
"""
