"""TLS at full speed in both directions at once, for minutes: does anything break?

    make stress-tls ARGS='--seconds 60'

It prints what was carried and checked, and exits with 1 if a single byte was wrong. A shared
`ssl.SSLSocket` does not survive this for seconds.
"""
