"""From a draft to everybody's socket: batches, fan-out, catching up.

It may import: rooms and below.
Never in it: a rule about who may say what.
"""
