"""Wrong: it goes on receiving at the end of the connection, for ever."""

import echo


def serve(connection):
    while True:
        connection.sendall(connection.recv(4096))


echo.serve = serve
echo.main()
