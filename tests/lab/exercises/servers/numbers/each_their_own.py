"""Wrong: each member's messages are counted for themselves."""

import collections

import numbering

last = collections.Counter()


def say(name, text):
    with numbering.lock:
        last[name] += 1
        numbering.put_all(b"%d %s: %s" % (last[name], name, text))


numbering.say = say
numbering.main()
