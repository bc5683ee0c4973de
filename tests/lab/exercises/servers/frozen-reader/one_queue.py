"""Wrong: one queue and one sending thread for all members."""

import queue
import threading

import frozen_reader

everything = queue.Queue()


def put(member, text):
    everything.put((member, text))


def send():
    while True:
        member, text = everything.get()
        try:
            frozen_reader.send_frame(member.connection, text)
        except OSError:
            pass


frozen_reader.Member.put = put
threading.Thread(target=send, daemon=True).start()
frozen_reader.main()
