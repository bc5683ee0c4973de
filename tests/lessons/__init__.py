"""Whole lessons: a server process, a teacher, and 30 pupils with every kind of client."""
