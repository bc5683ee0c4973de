"""The same work for our server and for what one could take in its place."""
