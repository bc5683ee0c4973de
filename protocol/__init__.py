"""The wire protocol of Backchannel, version 1: bytes in, values out.

Nothing in this package opens a socket, starts a thread or reads a clock, so server, client and
tests all stand on the same code. `framing` cuts a byte stream into payloads, `messages` turns a
payload into a typed value and back, `text` holds the rules for nicks, rooms and texts, `errors`
the one exception that any of them raises. `common` holds what the programs share besides the wire.
docs/protocol.md describes the protocol in full.
"""

VERSION = 1
