"""Wrong: the number is taken under the lock, and the message is sent outside it."""

import time

import numbering


def say(name, text):
    with numbering.lock:
        numbering.last_number += 1
        number = numbering.last_number
    time.sleep(0.001 * (number % 7))  # some threads are faster than others
    with numbering.lock:
        numbering.put_all(b"%d %s: %s" % (number, name, text))


numbering.say = say
numbering.main()
