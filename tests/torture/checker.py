"""The checker: observations in, violations out. It touches nothing and knows no clock.

What it holds a run against, in the words of the protocol:

- `ok` means stored: under the seq that it named, once, whatever happened afterwards.
- A request that is sent again gets the same `ok`; each time that it is sent, it is answered once.
- A room is a log: seq 1 to N without a gap, of messages that were really said, each once, the
  same for everybody.
- What a client saw of a room is one unbroken sequence from where it first joined to the end.
- Of each room the newest messages are kept, all or as many as the server was told to; the oldest
  of them is named to whoever was to get one that is gone. What is gone was stored once.
- A message is as it was said, or as the edits and the deletion that are in the log made it. Who
  reads it after such an entry finds it so; and in the end everybody knows the same latest state.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tests.torture.caretaker import mark
from tests.torture.changes import Latest, State, states
from tests.torture.irc_checker import check_irc
from tests.torture.records import (
    Dialogue,
    Entry,
    Observations,
    Refusal,
    Reply,
    Said,
    Source,
    Stretch,
    Utterance,
)
from tests.torture.room_log import EMPTY, RoomLog, jumped, room_logs
from tests.torture.violation import Violation

STOP_LIMIT = 5.0
"""Seconds that a normal stop of the server may take."""

Known = Mapping[str, Mapping[int, Sequence[State]]]
"""By room and seq: every state that a message had to have."""

Logs = Mapping[str, RoomLog]
"""By room."""

# How the server may end a connection while nobody does anything wrong.
_GOODBYES = frozenset({"bye", "replaced", "shutting_down", "hello_timeout"})
# What a client may be refused that comes without a session: its last connection, whose `welcome`
# was lost, may still be there; and a stalled hello comes too late.
_REFUSALS = frozenset({"nick_in_use", "hello_timeout"})


def check(run: Observations) -> list[Violation]:
    """Return every violation in a run."""
    said = {(said.client, said.request): said for said in run.said}
    logs = room_logs(run)
    known = {room: states(log.rows, said) for room, log in logs.items()}
    return [
        *_check_log(run, logs),
        *_check_pages(run),
        *_check_origin(run, said, known, logs),
        *_check_promises(run, logs),
        *_check_gone(run, logs),
        *_check_stretches(run, known, logs),
        *_check_latest(run, known),
        *_check_ends(run, logs),
        *_check_replies(run, logs),
        *_check_connections(run),
        *_check_server(run),
        *_check_backups(run, logs),
        *check_irc(run, known, logs),
    ]


# -- the log ------------------------------------------------------------------------------------


def _check_log(run: Observations, logs: Logs) -> Iterator[Violation]:
    """The database holds seq 1 to N of every room, or the newest of them."""
    for room, log in logs.items():
        first = 1 if run.keep is None else log.first
        for place, (entry, _) in enumerate(log.kept, first):
            if entry.seq != place:
                what = f"the message at place {place} is numbered {entry.seq}"
                yield Violation("log", what, room, place)
                break
        end, last = first + len(log.kept) - 1, run.last_seqs.get(room)
        if last != end:
            what = f"holds {first} to {end}, but says it ends at {last}"
            yield Violation("log", what, room)
        if run.keep is not None and len(log.kept) < min(run.keep, log.last):
            what = f"holds {len(log.kept)} messages, and was to keep {run.keep}"
            yield Violation("log", what, room)


def _check_pages(run: Observations) -> Iterator[Violation]:
    """The server reads out the same log as the database holds."""
    for room in sorted(run.kept.keys() | run.served.keys()):
        kept, served = run.kept.get(room, ()), run.served.get(room, ())
        if run.keep is not None and kept:  # more may be gone since it was read
            served = [entry for entry in served if entry.seq >= kept[0].entry.seq]
        if len(kept) != len(served):
            what = f"the database has {len(kept)} messages, the pages had {len(served)}"
            yield Violation("pages", what, room)
        for (stored, _), entry in zip(kept, served, strict=False):
            if stored != entry:
                what = f"the database has {_shown(stored)}, the page had {_shown(entry)}"
                yield Violation("pages", what, room, stored.seq)


def _check_origin(
    run: Observations,
    by_request: Mapping[tuple[str, int], Said],
    known: Known,
    logs: Logs,
) -> Iterator[Violation]:
    """Each stored message was said, as it is stored or was changed, and is stored once."""
    by_text = {said.text: said for said in run.utterances}
    places: dict[object, Entry] = {
        (row.entry.from_, row.request) if row.request else row.entry.text: row.entry
        for log in logs.values()
        for row in log.gone
    }
    for room, kept in run.kept.items():
        for entry, request in kept:
            key: object = (entry.from_, request)
            said: Said | Utterance | None = by_request.get((entry.from_, request))
            if said is None:
                key, said = entry.text, by_text.get(entry.text)
            *earlier, latest = known[room][entry.seq]
            if said is None or not (_may_be_of(said, entry) and (earlier or entry == latest.entry)):
                source = "nobody said it" if said is None else f"said was {_asked(said)}"
                what = f"{_shown(entry)}, by request {request}: {source}"
                yield Violation("forged", what, room, entry.seq, entry.from_)
            elif entry != latest.entry:
                what = f"stored is {_shown(entry)}, the latest state is {_shown(latest.entry)}"
                yield Violation("stale", what, room, entry.seq, entry.from_)
            first = places.setdefault(key, entry)
            if first is not entry:
                what = f"{_brief(entry.text)} is stored as {first.room} {first.seq} as well"
                yield Violation("doubled", what, room, entry.seq, entry.from_)


def _may_be_of(said: Said | Utterance, entry: Entry) -> bool:
    if isinstance(said, Utterance):
        return (said.nick, said.room, said.kind) == (entry.from_, entry.room, entry.kind)
    return said.room == entry.room


# -- what was promised --------------------------------------------------------------------------


def _check_promises(run: Observations, logs: Logs) -> Iterator[Violation]:
    """Every request to add something got an `ok` in the end, and every `ok` is kept.

    But for what was said in a session that was lost before anything was answered in it, and for
    changes of what is gone.
    """
    replies, lost = _replies_to_said(run), _lost_sessions(run)
    stored = {(row.entry.room, row.entry.seq): row for log in logs.values() for row in log.rows}
    places = {(row.entry.from_, row.request): row.entry for row in stored.values()}
    for said in run.said:
        here = places.get((said.client, said.request))
        answers = replies[said.client, said.session, said.request]
        is_gone = any(reply.gone for reply in answers)
        seqs = {reply.seq for reply in answers if reply.type == "ok" and not reply.gone}
        is_lost = here is None and (said.client, said.session) in lost
        is_settled = is_gone or any(_is_too_late(said, reply, logs) for reply in answers)
        if not seqs and not is_settled and not is_lost:
            what = "not stored" if here is None else "stored all the same"
            what = f"{_asked(said)} was never confirmed; it is {what}"
            yield Violation("unanswered", what, said.room, None, said.client)
        if len(seqs) > 1:
            what = f"{_asked(said)} was confirmed as {_listed(seqs)}"
            yield Violation("contradicted", what, said.room, None, said.client)
        for seq in seqs:
            row = None if seq is None else stored.get((said.room, seq))
            if row is None or (row.entry.from_, row.request) != (said.client, said.request):
                yield _broken_promise(said, seq, None if row is None else row.entry, here)
        if is_gone and here is not None and not _log_of(said.room, logs).is_gone(here.seq):
            what = f"{_asked(said)} was answered as gone, and is kept as {here.seq}"
            yield Violation("contradicted", what, said.room, here.seq, said.client)
        for reply in answers:
            is_fine = reply.type == "ok" or reply.try_again
            if not is_fine and not _is_too_late(said, reply, logs):
                what = f"{_asked(said)} was answered with {_replied(reply)}"
                yield Violation("refused", what, said.room, None, said.client)


def _is_too_late(said: Said, reply: Reply, logs: Logs) -> bool:
    """Whether something was not changed, as it was gone by then."""
    is_gone = bool(said.changes) and _log_of(said.room, logs).is_gone(said.changes)
    return is_gone and reply.code == "no_such_message"


def _check_gone(run: Observations, logs: Logs) -> Iterator[Violation]:
    """What was answered as gone stood in the log: there are as many places for it, or more.

    But for what had been refused before, for a while, and was sent again with the same `id`: it may
    be taken for gone, as the protocol says, where something is.
    """
    placed = {(row.entry.from_, row.request) for log in logs.values() for row in log.rows}
    replies = _replies_to_said(run)
    count = Counter(
        said.room
        for said in run.said
        if (said.client, said.request) not in placed
        and any(reply.gone for reply in replies[said.client, said.session, said.request])
        and not (
            _log_of(said.room, logs).first > 1
            and any(reply.try_again for reply in replies[said.client, said.session, said.request])
        )
    )
    for room, gone in count.items():
        if gone > (unknown := _log_of(room, logs).unknown):
            what = f"{gone} requests were answered as gone, and only {unknown} can be"
            yield Violation("lost", what, room)


def _log_of(room: str, logs: Logs) -> RoomLog:
    return logs.get(room, EMPTY)


def _broken_promise(
    said: Said, seq: int | None, there: Entry | None, elsewhere: Entry | None
) -> Violation:
    what = f"{_asked(said)} was confirmed as {seq}, where there is {_shown(there)}"
    if elsewhere is None:
        return Violation("lost", what, said.room, seq, said.client)
    what += f"; it is stored as {elsewhere.room} {elsewhere.seq}"
    return Violation("moved", what, said.room, seq, said.client)


def _replies_to_said(run: Observations) -> dict[tuple[str, int, int], list[Reply]]:
    """By client, session and `id`: every reply to every time that the request was sent."""
    replies: dict[tuple[str, int, int], list[Reply]] = {
        (said.client, said.session, said.request): [] for said in run.said
    }
    for dialogue in run.dialogues:
        for reply in dialogue.replies:
            found = replies.get((dialogue.client, dialogue.session, reply.re))
            if found is not None:
                found.append(reply)
    return replies


# -- what was seen ------------------------------------------------------------------------------


def _check_stretches(run: Observations, known: Known, logs: Logs) -> Iterator[Violation]:
    """What a client saw of a room goes on where it should, one by one, as it is stored."""
    reached: dict[tuple[str, str], int] = {}
    for stretch in run.stretches:
        yield from _check_begin(stretch, reached.get((stretch.client, stretch.room)))
        log = _log_of(stretch.room, logs)
        yield from _check_stretch(stretch, run.entries, known.get(stretch.room, {}), log)
        yield from _check_oldest(stretch, run.keep, log)
        if stretch.source is Source.LIVE:
            reached[stretch.client, stretch.room] = _end(stretch, run.entries)
    for stray in run.strays:
        what = f"{_shown(stray.entry)} came on connection {stray.connection}, not in the room"
        yield Violation("stray", what, stray.entry.room, stray.entry.seq, stray.client)


def _check_begin(stretch: Stretch, reached: int | None) -> Iterator[Violation]:
    if stretch.source is Source.LIVE and not stretch.moved and reached != stretch.after:
        what = f"connection {stretch.connection} goes on here, after it had come to {reached}"
        yield _in_sequence(stretch, stretch.after, what)
    if stretch.room_ended is not None and stretch.room_ended < stretch.after:
        what = f"seen, but the join on connection {stretch.connection} says that the room ends"
        yield _in_sequence(stretch, stretch.after, f"{what} at {stretch.room_ended}")


def _check_oldest(stretch: Stretch, keep: int | None, log: RoomLog) -> Iterator[Violation]:
    """What was said to be gone is gone, and was not to be kept."""
    for _, oldest in stretch.oldest:
        if oldest > log.first or (keep is not None and oldest > log.last - keep + 1):
            what = f"{oldest} was said to be the oldest, which is {log.first} by now"
            yield _in_sequence(stretch, oldest, what)


def _check_stretch(
    stretch: Stretch,
    entries: Sequence[Entry],
    known: Mapping[int, Sequence[State]],
    log: RoomLog,
) -> Iterator[Violation]:
    expected = stretch.after + 1
    for place, number in enumerate(stretch.entries):
        entry, expected = entries[number], jumped(expected, stretch.oldest, place)
        if entry.seq != expected:
            fault = "a gap" if entry.seq > expected else "doubled, or out of order"
            what = f"{fault}: {expected} was next on connection {stretch.connection}"
            yield _in_sequence(stretch, entry.seq, f"{what} ({stretch.source})")
        there = known.get(entry.seq, ())
        wrong = _fault_of(entry, there, stretch.room_ended or 0)
        if wrong is not None and (there or not log.is_gone(entry.seq)):
            yield Violation(*wrong, stretch.room, entry.seq, stretch.client)
        expected = entry.seq + 1


def _fault_of(entry: Entry, known: Sequence[State], seen: int) -> tuple[str, str] | None:
    """Return what is wrong with what was read when the room had come to `seen`, or further."""
    states = iter(known)
    if not any(state.entry == entry for state in states):
        stored = known[-1].entry if known else None
        return "differs", f"seen was {_shown(entry)}, stored is {_shown(stored)}"
    later = next(states, None)
    if later is not None and later.since <= seen:
        return "stale", f"seen was {_shown(entry)}, when {later.since} had changed it"
    return None


def _check_latest(run: Observations, known: Known) -> Iterator[Violation]:
    """In the end everybody knows the latest state of what was changed."""
    views: dict[tuple[str, str], Latest] = {}
    for stretch in run.stretches:
        if stretch.source is Source.LIVE:
            view = views.setdefault((stretch.client, stretch.room), Latest())
            for _, oldest in stretch.oldest:  # nobody is told of changes of what is gone
                view.forget(oldest)
            for number in stretch.entries:
                view.add(run.entries[number])
    for (client, room), view in views.items():
        for seq, entry in view.entries.items():
            *earlier, latest = known.get(room, {}).get(seq, [State(0, entry)])
            if earlier and entry != latest.entry:
                what = f"known is {_shown(entry)}, the latest state is {_shown(latest.entry)}"
                yield Violation("latest", what, room, seq, client)


def _check_ends(run: Observations, logs: Logs) -> Iterator[Violation]:
    """In the end everybody is at the end."""
    reached = {
        (stretch.client, stretch.room): _end(stretch, run.entries)
        for stretch in run.stretches
        if stretch.source is Source.LIVE
    }
    for client, rooms in run.readers.items():
        for room in rooms:
            end, last = reached.get((client, room)), _log_of(room, logs).last
            if end != last:
                what = f"came to {end} in the end, the room ends at {last}"
                yield Violation("sequence", what, room, end, client)


def _end(stretch: Stretch, entries: Sequence[Entry]) -> int:
    return entries[stretch.entries[-1]].seq if stretch.entries else stretch.after


def _in_sequence(stretch: Stretch, seq: int, what: str) -> Violation:
    return Violation("sequence", what, stretch.room, seq, stretch.client)


# -- conversations ------------------------------------------------------------------------------


def _check_replies(run: Observations, logs: Logs) -> Iterator[Violation]:
    """One reply for each request, at most; exactly one where the client took its leave."""
    said = {(said.client, said.session, said.request): said for said in run.said}
    for dialogue in run.dialogues:
        asked = Counter(dialogue.asked)
        replied = Counter(reply.re for reply in dialogue.replies)
        for re, count in (replied - asked).items():
            what = f"{re} was asked {asked[re]} times, and answered {asked[re] + count} times"
            yield _on(dialogue, "replies", what)
        missing = asked - replied
        if dialogue.goodbye == "bye" and missing:
            yield _on(dialogue, "replies", f"ended by bye without a reply to {_listed(missing)}")
        for reply in dialogue.replies:
            change = said.get((dialogue.client, dialogue.session, reply.re))
            if change is not None and _is_too_late(change, reply, logs):
                continue
            if reply.type == "error" and not reply.try_again:
                yield _on(dialogue, "replies", f"{reply.re} was answered with {_replied(reply)}")


def _check_connections(run: Observations) -> Iterator[Violation]:
    """No connection ends for a reason that nobody gave, and no session is forgotten.

    One in which nothing was answered but its hello may be: it is kept a moment later.
    """
    lost = _lost_sessions(run)
    for dialogue in run.dialogues:
        if dialogue.forgotten and (dialogue.client, dialogue.session - 1) not in lost:
            yield _on(dialogue, "session", "the server did not know it any more")
        if dialogue.broken is not None:
            yield _on(dialogue, "protocol", dialogue.broken)
        if dialogue.goodbye is not None and dialogue.goodbye not in _GOODBYES:
            yield _on(dialogue, "connection", f"the server said goodbye: {dialogue.goodbye}")
        for refusal in dialogue.refusals:
            is_lost = (dialogue.client, dialogue.session) in lost
            if not _may_be_refused(refusal, is_lost=is_lost):
                yield _on(dialogue, "connection", f"refused: {refusal}")


def _lost_sessions(run: Observations) -> set[tuple[str, int]]:
    """Return the sessions, by client, that the server did not know any more and need not have kept:
    nothing but a ping was answered in them.

    The nick may be another session's of the same client then, whose welcome was lost.
    """
    used = {(d.client, d.session) for d in run.dialogues for r in d.replies if r.type != "pong"}
    return {(d.client, d.session - 1) for d in run.dialogues if d.forgotten} - used


def _may_be_refused(refusal: Refusal, *, is_lost: bool) -> bool:
    if refusal.code == "nick_in_use" and refusal.resuming:
        return is_lost
    return refusal.try_again or refusal.code in _REFUSALS


def _check_server(run: Observations) -> Iterator[Violation]:
    """Whenever the server was asked to stop it did, in time; and nothing else went wrong."""
    for stop in run.stops:
        if stop.code != 0 or stop.seconds > STOP_LIMIT:
            how = "did not end" if stop.code is None else f"ended with {stop.code}"
            yield Violation("stop", f"after {stop.signal} it {how}, in {stop.seconds:.1f} s")
    for mishap in run.mishaps:
        yield Violation("mishap", mishap)


def _check_backups(run: Observations, logs: Logs) -> Iterator[Violation]:
    """Each copy is the start of the log, or its newest part by then, with all that was seen before
    it was made.
    """
    for room, log in logs.items():
        marks = {row.entry.seq: mark(row.entry, row.request) for row in log.kept}
        for number, backup in enumerate(run.backups, 1):
            rows, end = backup.rows.get(room, ()), backup.ends.get(room, 0)
            first = backup.firsts.get(room, 1) if run.keep is not None else 1
            copied = enumerate(rows, first)
            if any(seq >= log.first and marks.get(seq) != row for seq, row in copied):
                yield Violation("backup", f"copy {number} is no start of the log", room)
            elif first + len(rows) - 1 < end:
                what = f"copy {number} ends at {first + len(rows) - 1}, and {end} was seen before"
                yield Violation("backup", what, room, end)
            elif rows and (first > log.first or len(rows) < min(run.keep or 0, end)):
                what = f"copy {number} begins at {first}, and more was kept"
                yield Violation("backup", what, room, first)


def _on(dialogue: Dialogue, rule: str, what: str) -> Violation:
    return Violation(rule, f"connection {dialogue.connection}: {what}", client=dialogue.client)


# -- words --------------------------------------------------------------------------------------


def _asked(said: Said | Utterance) -> str:
    if isinstance(said, Utterance):
        return f"by {said.nick} in {said.room} over IRC, {said.kind} {_brief(said.text)}"
    return f"request {said.request} of session {said.session}, {said.kind} {_brief(said.text)}"


def _replied(reply: Reply) -> str:
    return reply.type if reply.code is None else f"{reply.type} {reply.code}"


def _shown(entry: Entry | None) -> str:
    if entry is None:
        return "nothing"
    where = f"{entry.room} {entry.seq}"
    what = f"{entry.kind} {entry.changes}" if entry.changes else entry.kind
    what += " edited" * entry.edited + " deleted" * entry.deleted
    return f"[{where} {entry.from_} {what} {_brief(entry.text)} at {entry.time!r}]"


def _brief(text: str) -> str:
    """The start of a text: our own begin with the client and a number, and then a colon."""
    start = text.partition(": ")[0][:30]
    return ascii(text) if start == text else ascii(start) + "..."


def _listed(values: Iterable[object]) -> str:
    shown = sorted(str(value) for value in values)
    return ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")
