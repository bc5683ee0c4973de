"""Wrong: when one queue is full, nobody gets the message."""

import frozen_reader

frozen_reader.QUEUE_LENGTH = 20


def tell_all(text):
    with frozen_reader.lock:
        members = list(frozen_reader.members.values())
        if any(member.queue.full() for member in members):
            text = b"(a message was skipped)"
        for member in members:
            if not member.queue.full():
                member.put(text)


frozen_reader.tell_all = tell_all
frozen_reader.main()
