"""Wrong: an empty line is taken for the end."""

import lines


def serve(connection):
    file = connection.makefile("rb")
    number = 0
    while line := file.readline().strip():
        number += 1
        connection.sendall(b"%d %s\n" % (number, line))


lines.serve = serve
lines.main()
