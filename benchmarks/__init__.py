"""Measurements of the server. They print; they never fail for being slow."""
