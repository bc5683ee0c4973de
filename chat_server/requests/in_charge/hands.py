"""Raised hands: a member wants to speak, or asks something; moderators see the queue and give the
floor.
"""

from chat_server.delivery.replies import fitting
from chat_server.moderation.notices import Notices
from chat_server.requests.context import Caller
from chat_server.requests.in_charge.acting import do_once, moderator, named_room
from chat_server.requests.membership import membership
from protocol import messages
from protocol.messages import HandEntry, Ok, Page
from protocol.text import normalize_nick, normalize_question


def hand(caller: Caller, request: messages.Hand) -> Ok:
    """Raise one's hand, or take it down."""
    room = membership(caller, request.room).room
    caller.context.hands.catch_up()
    if not request.up:
        had_floor = caller.context.hands.floor(room.name) is not None
        caller.context.hands.lower_hand(room, caller.session)
        if had_floor:
            caller.context.standings.tell_room(room)
        return Ok(re=request.id)
    question = normalize_question(request.question) if request.question else ""
    if question:  # others read it
        caller.check_voice()
    place = caller.context.hands.raise_hand(room, caller.session, question)
    return Ok(re=request.id, place=place)


def hands(caller: Caller, request: messages.Hands) -> Page:
    """List whose hands are up, in the order in which they were raised, and who has the floor."""
    moderator(caller)
    after = None if request.after is None else normalize_nick(request.after)
    room = named_room(caller, request.room)
    caller.context.hands.catch_up()
    queue = caller.context.hands.queue(room, after)
    floor = None if after else caller.context.hands.floor(room.name)
    entries = [HandEntry(hand.nick, hand.time, hand.question) for hand in queue]
    holders = [] if floor is None else [HandEntry(floor.nick, floor.time, floor.question, True)]
    shown = fitting([(entry.nick, entry) for entry in (*holders, *entries)])
    listed = shown[len(holders) :]
    return Page(
        re=request.id,
        more=len(listed) < len(queue),
        hands=[nick for nick, _ in listed],
        queue=[entry for _, entry in shown],
    )


def give_floor(caller: Caller, request: messages.Next) -> None:
    """Give the floor to the first in the queue of a room, and take it from who had it."""
    actor, room = moderator(caller, request.id), named_room(caller, request.room)

    def act(notices: Notices) -> None:
        nick = caller.context.acts_on_rooms.give_floor(actor, room, notices)
        notices.name(nick)

    do_once(caller, request.id, act, resume=True)
