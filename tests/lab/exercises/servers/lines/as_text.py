"""Wrong: each part is decoded before the line is whole."""

import lines


def serve(connection):
    number = 0
    rest = ""
    while data := connection.recv(4096):
        *whole, rest = (rest + data.decode()).split("\n")
        for line in whole:
            number += 1
            connection.sendall(f"{number} {line}\n".encode())


lines.serve = serve
lines.main()
