"""The response to a line: plain without a label; with one, a line, a batch, or an ACK."""

from itertools import count

from chat_server.gateways.irc.wire.response import Response


def response(label: str | None) -> Response:
    return Response(label, map(str, count(1)))


def test_without_a_label() -> None:
    """Lines, as they come."""
    it = response(None)
    it.add(":a", ":b")
    it.expect()
    assert it.stream([":c"]) == b":a\r\n:b\r\n:c\r\n"
    it.add(":d")
    assert it.end() == b":d\r\n"
    assert it.settle([":e"]) == b":e\r\n"
    assert response(None).end() == b""


def test_one_line_carries_the_label() -> None:
    """Also one that has tags of its own."""
    it = response("x;y")
    it.add("@time=1 :a")
    assert it.end() == b"@label=x\\:y;time=1 :a\r\n"


def test_nothing_is_an_ack() -> None:
    """From the server."""
    assert response("x").end() == b"@label=x :backchannel ACK\r\n"


def test_several_are_a_batch() -> None:
    """Those that are sent ahead are part of it, and batches within."""
    it = response("x")
    assert it.stream([":a", "@batch=7 :b"]) == (
        b"@label=x :backchannel BATCH +1 labeled-response\r\n@batch=1 :a\r\n@batch=7 :b\r\n"
    )
    it.add(":c")
    assert it.end() == b"@batch=1 :c\r\n:backchannel BATCH -1\r\n"


def test_what_is_to_come_is_waited_for() -> None:
    """Before the end, and behind it."""
    it = response("x")
    it.expect()
    it.expect()
    assert it.settle([":a"]) == b""
    assert it.end() == b""
    assert it.settle([]) == b"@label=x :a\r\n"


def test_what_has_its_place_is_not_held_back() -> None:
    """While more is to come, it opens the batch; what comes last may be all of it."""
    it = response("x")
    it.expect()
    it.expect()
    opened = b"@label=x :backchannel BATCH +1 labeled-response\r\n"
    assert it.settle_in_order([":a"]) == opened + b"@batch=1 :a\r\n"
    assert it.end() == b""
    assert it.settle_in_order([":b"]) == b"@batch=1 :b\r\n:backchannel BATCH -1\r\n"
    it = response("x")
    it.expect()
    assert it.end() == b""
    assert it.settle_in_order([":a"]) == b"@label=x :a\r\n"
    it = response("x")
    it.expect()
    it.is_one = True
    assert it.settle_in_order([":a"]) == b"@label=x :a\r\n"
    assert it.end() == b""


def test_a_batch_that_is_all_of_it_carries_the_label() -> None:
    """Rather than being within another one. Beside something else it is within."""
    batch = [":backchannel BATCH +7 chathistory #a", "@batch=7 :a", ":backchannel BATCH -7"]
    it = response("x")
    it.add(*batch)
    assert it.end() == (
        b"@label=x :backchannel BATCH +7 chathistory #a\r\n@batch=7 :a\r\n:backchannel BATCH -7\r\n"
    )
    it = response("x")
    it.add(*batch, ":b")
    assert it.end().startswith(b"@label=x :backchannel BATCH +1 labeled-response\r\n@batch=1 :back")
