"""The simulated clients, and the audit of what they hear."""
