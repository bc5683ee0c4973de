"""Wrong: a client that crashes does not leave, for ConnectionResetError is no EOFError."""

import leaving


def run(connection):
    name = leaving.enter(connection)
    try:
        leaving.serve(connection, name)
    except EOFError:
        leaving.leave(name)
        connection.close()


leaving.run = run
leaving.main()
