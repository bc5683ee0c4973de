"""Wrong: it closes the connection when a name is taken."""

import names

take_name = names.take_name


def take_or_close(connection, name):
    answer = take_name(connection, name)
    if answer == b"error taken":
        raise EOFError
    return answer


names.take_name = take_or_close
names.main()
