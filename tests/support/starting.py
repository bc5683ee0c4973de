"""Which tests start programs: those are long, whoever wrote them and whatever they start.

A program takes a third of a second to start, a test within this process takes hundredths.
"""

import inspect
from collections.abc import Iterator
from functools import cache
from types import CodeType, FunctionType, ModuleType

import pytest

_STARTERS = frozenset({"multiprocessing", "pexpect", "subprocess"})
"""The modules by which a test starts a program."""


def starts_programs(item: pytest.Function) -> bool:
    """Return whether a test, one of its fixtures, or what these name in `tests` starts programs."""
    fixtures = item._fixtureinfo.name2fixturedefs.values()
    functions = [item.function, *(each.func for found in fixtures for each in found)]
    return any(_reaches_one(inspect.unwrap(function)) for function in functions)


@cache
def _reaches_one(named: object) -> bool:
    seen: set[int] = set()
    left = [named]
    while left:
        each = left.pop()
        if isinstance(each, ModuleType) and each.__name__ in _STARTERS:
            return True
        if id(each) not in seen:
            seen.add(id(each))
            left += _named_by(each)
    return False


def _named_by(named: object) -> Iterator[object]:
    """What a function or a class of the tests names: other functions, classes, modules."""
    if not str(getattr(named, "__module__", "")).startswith("tests."):
        return
    if isinstance(named, type):
        yield from (inspect.unwrap(each) for each in vars(named).values() if callable(each))
        yield from (each.fget for each in vars(named).values() if isinstance(each, property))
        yield from named.__bases__
    elif isinstance(named, FunctionType):
        names = set(_names(named.__code__))
        yield from (value for name, value in named.__globals__.items() if name in names)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
