"""Wrong: one `recv` is taken for all that the client will send."""

import echo


def serve(connection):
    connection.sendall(connection.recv(4096))


echo.serve = serve
echo.main()
