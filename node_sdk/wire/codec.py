"""Messages to bytes and back: msgpack, typed, bounded, strict (law 10).

A message is a frozen dataclass that derives from `Message`. On the wire it is a map with its class name under
"@". Reading is strict about what we need (every field present, or with a default; every value of the declared
type) and patient with what we do not know (unknown keys are ignored, so that a newer peer may say more).
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Set
from functools import cache
from typing import Any, TypeVar

import msgpack

from node_sdk.errors import BadMessage
from node_sdk.wire.unpack import MAX_MESSAGE, MAX_NODES, SMALL, unpacked

__all__ = [
    "MAX_DEPTH",
    "MAX_MESSAGE",
    "MAX_NODES",
    "TAG",
    "Message",
    "decode",
    "encode",
    "from_map",
    "know_all",
    "to_map",
]

MAX_DEPTH = 32
TAG = "@"

M = TypeVar("M", bound="Message")
Check = Callable[[Any], Any]

_EXACT = frozenset({int, str, bytes, bool, types.NoneType})  # a value is of such a type, or it is not
_MESSAGES: dict[str, type[Message]] = {}


class Message:
    """Base of everything that is sent. Subclasses are `@dataclass(frozen=True, slots=True)`."""

    __slots__ = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # dataclass(slots=True) makes the class a second time; the last one made is the one in use.
        known = _MESSAGES.get(cls.__name__)
        if known is not None and known.__module__ != cls.__module__:
            raise TypeError(f"two messages are called {cls.__name__}: in {known.__module__} and {cls.__module__}")
        _MESSAGES[cls.__name__] = cls


def encode(message: Message) -> bytes:
    """The bytes of a message; BadMessage where a value cannot be sent or the whole is over MAX_MESSAGE."""
    try:
        data: bytes = msgpack.packb(to_map(message), use_bin_type=True)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadMessage(f"cannot send {type(message).__name__}: {error}") from error
    if len(data) > MAX_MESSAGE:
        raise BadMessage(
            f"cannot send {type(message).__name__}: it has {len(data)} bytes, at most {MAX_MESSAGE} are allowed"
        )
    if len(data) > SMALL:
        _refuse_what_cannot_be_read(message, data)
    return data


def decode(data: bytes | memoryview, *expected: type[M]) -> M:
    """The message in `data`, which must be one of `expected` (or of a subclass of one); BadMessage where it is not."""
    if len(data) > MAX_MESSAGE:
        raise BadMessage(f"cannot read a message of {len(data)} bytes: at most {MAX_MESSAGE} are allowed")
    try:
        content = unpacked(data)
    except Exception as error:
        raise BadMessage(f"cannot read a message: {type(error).__name__}: {error}") from error
    return from_map(content, *expected)


def to_map(message: Message) -> dict[str, Any]:
    """A message as plain maps and lists, with its name under "@"."""
    content: dict[str, Any] = {TAG: type(message).__name__}
    for name in _field_names(typing.cast(Any, type(message))):
        content[name] = _plain(getattr(message, name))
    return content


def from_map(content: Any, *expected: type[M]) -> M:
    """The reverse of to_map, checked."""
    if not isinstance(content, dict):
        raise BadMessage(f"cannot read a message: a map was expected, not {type(content).__name__}")
    name = content.get(TAG)
    cls = _MESSAGES.get(name) if isinstance(name, str) else None
    if cls is None or not issubclass(cls, expected):
        wanted = ", ".join(each.__name__ for each in expected)
        raise BadMessage(f"cannot read message {name!r}: {wanted} expected here")
    return typing.cast(M, _read(cls, content))


def _refuse_what_cannot_be_read(message: Message, data: bytes) -> None:
    """Who is sent it would hang up; the one who makes it hears of it instead, in words."""
    try:
        unpacked(data)
    except Exception as error:
        raise BadMessage(f"cannot send {type(message).__name__}: {error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Message):
        return to_map(value)
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value


def _read(cls: type[Message], content: dict[str, Any]) -> Message:
    values: dict[str, Any] = {}
    for name, check, required in _fields(typing.cast(Any, cls)):
        if name in content:
            try:
                values[name] = check(content[name])
            except BadMessage as error:
                raise BadMessage(f"{cls.__name__}.{name}: {error}") from None
        elif required:
            raise BadMessage(f"cannot read {cls.__name__}: field {name!r} is missing")
    try:
        return cls(**values)
    except Exception as error:
        raise BadMessage(f"cannot read {cls.__name__}: {error}") from error


def know_all() -> None:
    """Find out now how each message that is known is read and written, and not when the first of them comes."""
    for cls in _MESSAGES.values():
        if dataclasses.is_dataclass(cls):
            _field_names(typing.cast(Any, cls))
            _fields(typing.cast(Any, cls))


@cache
def _field_names(cls: type[Message]) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(typing.cast(Any, cls)))


@cache
def _fields(cls: type[Message]) -> tuple[tuple[str, Check, bool], ...]:
    hints = typing.get_type_hints(cls)
    missing = dataclasses.MISSING
    return tuple(
        (
            field.name,
            _check_for(hints[field.name]),
            field.default is missing and field.default_factory is missing,
        )
        for field in dataclasses.fields(typing.cast(Any, cls))
    )


def _check_for(hint: Any) -> Check:
    """A function that returns its argument when it is of the hinted type, and raises BadMessage when not."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return _check_json
    if hint is float:
        return _check_float
    if hint in _EXACT:
        return _check_exact(hint)
    if origin in (typing.Union, types.UnionType):
        return _check_union([_check_for(each) for each in arguments], _EXACT.intersection(arguments))
    if origin is typing.Literal:
        return _check_literal(arguments)
    if origin is list:
        return _check_list(_check_for(arguments[0]), list)
    if origin is tuple and arguments[1:] == (...,):
        return _check_list(_check_for(arguments[0]), tuple)
    if origin is dict and arguments[0] is str:
        return _check_dict(_check_for(arguments[1]))
    if isinstance(hint, type) and issubclass(hint, Message):
        return lambda value: from_map(value, hint)
    raise TypeError(f"a message field cannot be of type {hint}")


def _wrong(value: Any, wanted: str) -> BadMessage:
    return BadMessage(f"{wanted} expected, not {type(value).__name__}")


def _check_exact(kind: type) -> Check:
    def check(value: Any) -> Any:
        if type(value) is not kind:  # a bool is no int here
            raise _wrong(value, kind.__name__)
        return value

    return check


def _check_float(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is int:
        try:
            return float(value)
        except OverflowError as error:
            raise _wrong(value, "float") from error
    raise _wrong(value, "float")


def _check_union(checks: list[Check], exact: Set[Any]) -> Check:
    def check(value: Any) -> Any:
        if type(value) in exact:  # nearly always, and to try one after the other costs an exception for each
            return value
        errors = []
        for each in checks:
            try:
                return each(value)
            except BadMessage as error:
                errors.append(str(error))
        raise BadMessage(", or ".join(errors))

    return check


def _check_literal(allowed: tuple[Any, ...]) -> Check:
    def check(value: Any) -> Any:
        if type(value) is not str or value not in allowed:
            raise BadMessage(f"one of {allowed} expected")
        return value

    return check


def _check_list(each: Check, kind: type) -> Check:
    def check(value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            raise _wrong(value, "list")
        return kind(each(item) for item in value)

    return check


def _check_dict(each: Check) -> Check:
    def check(value: Any) -> Any:
        if not isinstance(value, dict) or not all(type(key) is str for key in value):
            raise _wrong(value, "map with string keys")
        return {key: each(item) for key, item in value.items()}

    return check


def _check_json(value: Any, depth: int = 0) -> Any:
    if depth > MAX_DEPTH:
        raise BadMessage(f"nested deeper than {MAX_DEPTH}")
    if value is None or type(value) in (bool, int, float, str, bytes):
        return value
    if isinstance(value, (list, tuple)):
        return [_check_json(each, depth + 1) for each in value]
    if isinstance(value, dict) and all(type(key) is str for key in value):
        return {key: _check_json(each, depth + 1) for key, each in value.items()}
    raise _wrong(value, "plain data")
