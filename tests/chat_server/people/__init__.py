"""Tests of who people are and what they may do."""
