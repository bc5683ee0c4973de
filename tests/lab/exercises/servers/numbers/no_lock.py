"""Wrong: two threads read the same number before either has written the next."""

import time

import numbering


def say(name, text):
    number = numbering.last_number + 1
    time.sleep(0.001)  # not needed for the mistake, but for its being seen each time
    numbering.last_number = number
    with numbering.lock:
        numbering.put_all(b"%d %s: %s" % (number, name, text))


numbering.say = say
numbering.main()
