"""Wrong: a thread of its own sends, and is forgotten when the client has no more to say."""

import queue
import threading

import frames


def serve(connection):
    answers = queue.Queue()

    def send():
        while True:
            frames.send_frame(connection, answers.get())

    threading.Thread(target=send, daemon=True).start()
    number = 0
    while True:
        content = frames.receive_frame(connection)
        number += 1
        answers.put(b"%d %s" % (number, content))


def run(connection):
    try:
        serve(connection)
    except (OSError, EOFError):
        connection.shutdown(2)
        connection.close()


frames.run = run
frames.main()
