"""What is counted, and added up."""

from chat_client.load.model.histogram import Histogram
from chat_client.load.model.tick import Tick


def full(phase: str, count: int) -> Tick:
    """A tick in which each count is `count`, and each time was recorded once, `count` µs long."""
    values: dict[str, object] = {}
    for name in Tick.__struct_fields__[3:]:
        default = getattr(Tick("ramp", 0), name)
        if isinstance(default, Histogram):
            default.record(count)
            values[name] = default
        else:
            values[name] = {"timeout": count} if name == "errors" else count
    return Tick(phase, 5, 7, **values)  # type: ignore[arg-type]


def test_every_count_is_added() -> None:
    """`add` adds every count. Phase, times and `up` stay."""
    total = full("ramp", 1)
    total.add(full("measure", 2))
    assert (total.phase, total.start, total.stop, total.up) == ("ramp", 5, 7, 1)
    assert total.errors == {"timeout": 3}
    for name in set(Tick.__struct_fields__[4:]) - {"errors"}:
        value = getattr(total, name)
        if isinstance(value, Histogram):
            assert list(value.values()) == [(1, 1), (2, 1)], name
        else:
            assert value == 3, name


def test_errors_are_counted_by_code() -> None:
    """Errors are counted one at a time, or several at once."""
    tick = Tick("measure", 0)
    tick.count_error("muted")
    tick.count_error("muted", 2)
    tick.count_error("timeout")
    assert tick.errors == {"muted": 3, "timeout": 1}
