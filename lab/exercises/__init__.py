"""Exercises: twelve steps and some lessons that a student's own server has to pass.

May import the lessons and what is below them, and how the client prints what others wrote.
The model answers must never be here: students read this folder. They are with the tests.
"""
