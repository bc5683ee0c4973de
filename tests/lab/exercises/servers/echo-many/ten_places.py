"""Wrong: it has places for ten clients, and closes the others."""

import echo_many

run = echo_many.run
places = 10


def run_or_close(connection):
    global places
    places -= 1
    if places < 0:
        connection.close()
    else:
        run(connection)


echo_many.run = run_or_close
echo_many.main()
