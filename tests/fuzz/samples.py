"""One real message of each kind, made from the types of its fields, and the bytes that it is on the wire."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator
from typing import Any

from node_sdk.errors import BadMessage
from node_sdk.graph import GraphSpec, NodeSpec
from node_sdk.policy import Limits, LogPolicy, RestartPolicy
from node_sdk.wire.codec import _MESSAGES, Message, decode, encode
from node_sdk.wire.frames import FrameReader, frame

PLAIN: dict[Any, Any] = {
    int: 1,
    str: "files",
    bytes: b"\x81\xa1@\xa4Quit",
    float: 1.0,
    bool: True,
    Any: {"loss": [1.0]},
}


def graph() -> GraphSpec:
    """A pipeline of three nodes."""
    store = NodeSpec(name="store", kind="metadata_store", type="S", base_type="S")
    files = NodeSpec(name="files", kind="resource", type="F", base_type="F", predecessors=("store",), monitoring=True)
    train = NodeSpec(name="train", kind="action", type="A", base_type="A", predecessors=("files",), retries=1)
    return GraphSpec(name="digits", nodes=(store, files, train))


# Of these not every value of a field's type will do.
PARTICULAR: dict[type[Message], Message] = {
    GraphSpec: graph(),
    RestartPolicy: RestartPolicy(),
    LogPolicy: LogPolicy(max_bytes=1 << 20, files=2, max_age=1.5, level="INFO"),
    Limits: Limits(nice=1, cpus=(0,), umask=0o27, memory_limit=1 << 30, oom_score_adj=1, rlimits={"core": -1}),
}


def sample(kind: Any) -> Any:
    """A value of a field's type; of messages, one with every field given."""
    if kind in PLAIN:
        return PLAIN[kind]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return sample(arguments[0])
    if origin is typing.Literal:
        return arguments[0]
    if origin in (tuple, list):
        return origin([sample(arguments[0])])
    if origin is dict:
        return {"loss": sample(arguments[1])}
    return next(messages(kind))


def messages(base: type[Message]) -> Iterator[Any]:
    """One of each message below `base`, or one of `base` where nothing is."""
    # Making a class again with slots leaves the first one behind for a while.
    below = [each for each in base.__subclasses__() if _MESSAGES[each.__name__] is each]
    if base in PARTICULAR:
        yield PARTICULAR[base]
    elif not below:
        hints = typing.get_type_hints(base)
        yield base(**{each.name: sample(hints[each.name]) for each in dataclasses.fields(base)})  # type: ignore[arg-type]
    for each in below:
        yield from messages(each)


def seeds(*bases: type[Message]) -> list[bytes]:
    """What each message below `bases` is on the wire."""
    return list(dict.fromkeys(encode(each) for base in bases for each in messages(base)))


def framed(*bases: type[Message]) -> list[bytes]:
    """The same as streams: each frame alone, and all in one. The first byte says how the stream is cut."""
    each = [frame(data) for data in seeds(*bases)]
    return [b"\x00" + data for data in each] + [b"\x07" + b"".join(each)]


def check_message(data: bytes, *expected: type[Message]) -> None:
    """What is read is of the expected kind, and survives the wire; everything else is a BadMessage."""
    try:
        message = decode(data, *expected)
    except BadMessage:
        return
    again = encode(message)
    assert isinstance(message, expected)
    assert encode(decode(again, *expected)) == again  # not the messages: NaN is not equal to itself


def check_stream(data: bytes, limit: int, *expected: type[Message]) -> None:
    """However a stream is cut, the same frames come out, and never one that is over the limit."""
    step, stream = (data[0] or len(data)) if data else 1, data[1:]
    cut, whole = FrameReader(limit), FrameReader(limit)
    frames: list[bytes] = []
    try:
        for start in range(0, len(stream), step):
            frames += cut.feed(stream[start : start + step])
    except BadMessage:
        return
    assert frames == whole.feed(stream)
    for each in frames:
        assert len(each) <= limit
        check_message(each, *expected)
