"""TLS at full speed in both directions at once, for minutes: does anything break?

    make stress-tls ARGS='--seconds 60'

It prints what was carried and checked, and exits with 1 if a single byte was wrong. Put in the
place of our own, a shared `ssl.SSLSocket` with a lock around its `sendall` broke within seconds on
CPython 3.11.7, 3.12.1 and 3.13.0; so does our own without its lock. For another Python:

    make stress-tls PYTHON=python3.13 VENV=.venv-3.13
"""
