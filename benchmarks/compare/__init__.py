"""The same work for our server and for others, in one run."""
