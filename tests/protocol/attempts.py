"""Trying what may be refused."""

from collections.abc import Callable
from typing import TypeVar

import pytest

from protocol.errors import Code, ProtocolError

Argument = TypeVar("Argument")
Result = TypeVar("Result")


def attempt(function: Callable[[Argument], Result], argument: Argument) -> Result | ProtocolError:
    """Return what `function` returns, or the ProtocolError that it raises. Others pass through."""
    try:
        return function(argument)
    except ProtocolError as error:
        return error


def refuse(function: Callable[[Argument], Result], argument: Argument) -> ProtocolError:
    """Return the ProtocolError that `function` must raise, which can be sent as it is."""
    with pytest.raises(ProtocolError) as raised:
        function(argument)
    raised.value.text.encode("utf-8")
    assert raised.value.text
    assert raised.value.code in Code
    return raised.value
