"""Wrong: what one `recv` returns is taken for a line."""

import lines


def serve(connection):
    number = 0
    while data := connection.recv(4096):
        number += 1
        connection.sendall(b"%d %s\n" % (number, data.rstrip(b"\n")))


lines.serve = serve
lines.main()
