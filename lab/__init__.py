"""Lessons on concurrency: servers that are wrong in one way each, and attacks that show it."""
