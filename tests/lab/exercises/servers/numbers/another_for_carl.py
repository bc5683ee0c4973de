"""Wrong: messages 20 and 21 are exchanged for one member."""

import numbering

held = []


def say(name, text):
    with numbering.lock:
        numbering.last_number += 1
        number = numbering.last_number
        for to, member in numbering.members.items():
            if to == b"carl" and number == 20:
                held.append(b"%s: %s" % (name, text))
            elif to == b"carl" and number == 21:
                member.put(b"20 %s: %s" % (name, text))
                member.put(b"21 %s" % held[0])
            else:
                member.put(b"%d %s: %s" % (number, name, text))


numbering.say = say
numbering.main()
