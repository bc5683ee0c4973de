"""Wrong: in a flood, who reads is taken for slow, for their queue has room for a single message."""

import time

import attacks
import frozen_reader
import rooms

frozen_reader.QUEUE_LENGTH = 10
attacks.MOST = 1_000_000
send_frame = frozen_reader.send_frame


def send_slowly(connection, text):
    time.sleep(0.002)  # the net takes its time
    send_frame(connection, text)


frozen_reader.send_frame = send_slowly
rooms.main()
