"""`admin audit`: who did what to whom, of those who are in charge."""

import json
from collections.abc import Callable, Iterable, Iterator

from chat_server.admin.moments import iso, shown
from chat_server.admin.show import harmless_json, one_line
from chat_server.identity.records import Act


def as_text(acts: Iterable[Act]) -> Iterator[str]:
    """Yield a line for each act."""
    for act in acts:
        words = [act.who, act.act, act.whom]
        if act.until is not None:
            words.append(f"until {shown(act.until)}")
        if act.reason:
            words.append(f"({act.reason})")
        yield f"{shown(act.time)}  {one_line(' '.join(word for word in words if word))}"


def as_json(acts: Iterable[Act]) -> Iterator[str]:
    """Yield an object for each act, on a line of its own."""
    for act in acts:
        record = {
            "time": iso(act.time),
            "who": act.who,
            "act": act.act,
            "whom": act.whom,
            "until": None if act.until is None else iso(act.until),
            "reason": act.reason,
        }
        yield harmless_json(json.dumps(record, ensure_ascii=False))


FORMATS: dict[str, Callable[[Iterable[Act]], Iterator[str]]] = {"txt": as_text, "json": as_json}
