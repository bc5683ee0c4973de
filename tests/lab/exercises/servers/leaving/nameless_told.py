"""Wrong: the end of a client without a name is told, too."""

import leaving


def run(connection):
    name = b"somebody"
    try:
        name = leaving.enter(connection)
        leaving.serve(connection, name)
    except (OSError, EOFError):
        with leaving.lock:
            leaving.members.pop(name, None)
        leaving.tell_all(b"- " + name)
    connection.close()


leaving.run = run
leaving.main()
