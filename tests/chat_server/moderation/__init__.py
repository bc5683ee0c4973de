"""Tests of who is in charge, and what they do."""
