"""A write that all servers make, as bytes: the name of a marked method, and its arguments."""

import functools
import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Concatenate, NamedTuple, ParamSpec, Protocol, TypeVar

from msgspec import Raw, ValidationError, msgpack

from chat_server.runtime.errors import StoreError

Params = ParamSpec("Params")
Result = TypeVar("Result")


class CallMaker(Protocol):
    """Makes writes on all servers: see Replica."""

    def write(self, name: str, arguments: Sequence[Any]) -> Any:
        """Call a marked method here and on all others. Return what it returns here."""
        ...


class Owner(Protocol):
    """Whose methods may be marked."""

    @property
    def replica(self) -> CallMaker | None:
        """What makes their writes, where there are several servers."""
        ...


AnyOwner = TypeVar("AnyOwner", bound=Owner)


class SharedCall(NamedTuple):
    """A call that was made.

    Attributes:
        name: of the method, with its class.
        arguments: all of them, in the order of the parameters.
        result: what it returned here.
    """

    name: str
    arguments: Sequence[Any]
    result: Any


class _Shared(NamedTuple):
    """A method that is marked, and the types of its parameters."""

    method: Callable[..., Any]
    types: tuple[Any, ...]


_SHARED: dict[str, _Shared] = {}
"""All of them, by class and name."""


def shared(
    method: Callable[Concatenate[AnyOwner, Params], Result],
) -> Callable[Concatenate[AnyOwner, Params], Result]:
    """Let a method that writes be called on all servers, where there are several.

    What it writes has to follow from its arguments and from what all servers have alike.
    """
    name, signature = method.__qualname__, inspect.signature(method)
    hints = typing.get_type_hints(method)
    types = tuple(hints[each] for each in list(signature.parameters)[1:])
    _SHARED[name] = _Shared(method, types)

    @functools.wraps(method)
    def write(self: AnyOwner, /, *args: Params.args, **kwargs: Params.kwargs) -> Result:
        replica = self.replica
        if replica is None:
            return method(self, *args, **kwargs)
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        result: Result = replica.write(name, list(bound.arguments.values())[1:])
        return result

    return write


def encode_call(name: str, arguments: Sequence[Any]) -> bytes:
    """Return a call as bytes."""
    return msgpack.encode([name, list(arguments)])


def make_call(data: bytes, owners: Mapping[str, Owner]) -> SharedCall:
    """Make a call, in the transaction that is open.

    Args:
        data: as encode_call returned it.
        owners: whose methods they are, by class.

    Raises:
        StoreError: a later version wrote it.
    """
    name, parts = msgpack.decode(data, type=tuple[str, list[Raw]])
    known = _SHARED.get(name)
    try:
        if known is None:
            raise ValidationError("there is no such write")
        arguments = [
            msgpack.decode(part, type=each) for part, each in zip(parts, known.types, strict=True)
        ]
    except ValueError as error:  # msgspec's are
        raise StoreError(
            f"another version wrote {name!r} ({error}): let all servers be of one version"
        ) from error
    return SharedCall(name, arguments, known.method(owners[name.partition(".")[0]], *arguments))
