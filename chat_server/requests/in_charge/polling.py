"""Asking a room a question, and voting."""

from chat_server.moderation.polls import Wanted
from chat_server.requests.context import Caller
from chat_server.requests.in_charge.acting import do_once
from chat_server.requests.membership import membership
from protocol import messages
from protocol.errors import Code, ProtocolError
from protocol.messages import Ok
from protocol.text import normalize_option, normalize_question


def poll(caller: Caller, request: messages.Poll) -> None:
    """Ask all in a room; its log has the question."""
    room = membership(caller, request.room).room
    caller.check_voice()
    options = tuple(normalize_option(option) for option in request.options)
    if len(set(options)) < len(options):
        raise ProtocolError(Code.BAD_REQUEST, "two options are the same: leave one out")
    wanted = Wanted(normalize_question(request.question), options, bool(request.named))
    actor = caller.actor(request.id)
    do_once(
        caller,
        request.id,
        lambda notices: caller.context.polls.ask(actor, room, wanted, notices),
        resume=True,
    )


def vote(caller: Caller, request: messages.Vote) -> Ok:
    """Vote in a room's poll, or for something else than before."""
    room = membership(caller, request.room).room
    caller.check_voice()
    caller.context.polls.vote(room, caller.session, request.choice)
    return Ok(re=request.id)


def end_poll(caller: Caller, request: messages.EndPoll) -> None:
    """End a room's poll; its log has the result."""
    room = membership(caller, request.room).room
    caller.check_voice()
    actor = caller.actor(request.id)
    do_once(caller, request.id, lambda notices: caller.context.polls.end(actor, room, notices))
