"""What `admin audit` writes: what those in charge did, as text or as JSON for programs.

A line of the report begins with a time. What a message said before it was changed is indented, so
it cannot look like one.
"""

import json
from collections.abc import Callable, Iterable, Iterator

from chat_server.admin.moments import iso, shown
from chat_server.admin.show import harmless, harmless_json, one_line
from chat_server.identity.store.records import Act

ToldAct = tuple[Act, str | None]
"""An act, and what the message said that it changed: None where that is not asked for, or gone."""


def audit_text(acts: Iterable[ToldAct]) -> Iterator[str]:
    """Yield a line for each act, and a line with an indent for each line of the text before it."""
    for act, text in acts:
        words = [act.who, act.act, act.whom]
        if act.until is not None:
            words.append(f"until {shown(act.until)}")
        if act.reason:
            words.append(f"({act.reason})")
        yield f"{shown(act.time)}  {one_line(' '.join(word for word in words if word))}"
        if text is not None:
            yield from (f"    | {line}" for line in harmless(text).split("\n"))


def audit_json(acts: Iterable[ToldAct]) -> Iterator[str]:
    """Yield an object for each act, on a line of its own."""
    for act, text in acts:
        record = {
            "time": iso(act.time),
            "who": act.who,
            "act": act.act,
            "whom": act.whom,
            "until": None if act.until is None else iso(act.until),
            "reason": act.reason,
            **({} if text is None else {"text": text}),
        }
        yield harmless_json(json.dumps(record, ensure_ascii=False))


AUDITS: dict[str, Callable[[Iterable[ToldAct]], Iterator[str]]] = {
    "txt": audit_text,
    "json": audit_json,
}
"""The formats of the audit log, by the name that --format has for them."""
