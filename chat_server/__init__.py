"""The server of Backchannel."""
