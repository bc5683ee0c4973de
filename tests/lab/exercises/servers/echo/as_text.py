"""Wrong: each part is decoded, and half a letter is no text."""

import echo


def serve(connection):
    while data := connection.recv(4096):
        connection.sendall(data.decode().encode())


echo.serve = serve
echo.main()
