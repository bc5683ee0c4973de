"""Wrong: the lines of all clients are counted together."""

import lines

number = 0


def serve(connection):
    global number
    rest = b""
    while data := connection.recv(4096):
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            number += 1
            connection.sendall(b"%d %s\n" % (number, line))


lines.serve = serve
lines.main()
