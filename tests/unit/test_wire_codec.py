"""Messages to bytes and back: what is accepted, what is refused, and that garbage never does anything else."""

from __future__ import annotations

import contextlib
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node_sdk.errors import BadMessage
from node_sdk.graph import GraphSpec, NodeSpec
from node_sdk.policy import RestartPolicy
from node_sdk.wire import codec, link, loader, signals, store
from node_sdk.wire.codec import MAX_MESSAGE, TAG, Message, decode, encode
from node_sdk.wire.frames import FrameReader, frame
from node_sdk.wire.store import StoreReply

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def graph() -> GraphSpec:
    policy = RestartPolicy(when="never", max_restarts=None)
    store_node = NodeSpec(name="store", kind="metadata_store", type="S", base_type="B", restart=policy)
    folder = NodeSpec(name="folder", kind="resource", type="F", base_type="B", predecessors=("store",))
    return GraphSpec(name="p", nodes=(store_node, folder))


EXAMPLES: list[Message] = [
    signals.Signal(1, 2, "a"),
    link.Beat("p", "n", 3, True, "idle"),
    link.LastWords("p", "n", 3, "fenced", "a newer one", 4),
    store.StoreRequest(1, "train", 2, store.LogMetrics(1, 1, 0, {"loss": 0.5})),
    store.StoreRequest(9, "train", 2, store.Complete(1, 1, "error", "boom", (store.Output("r", "l", "s", "h", 3),))),
    store.StoreReply(1, {"a": [1, None, "x"]}),
    loader.Loaded(graph=graph(), pid=1, forking=True, note="", children=(loader.ChildState("a", 1, 2, 3.0),)),
]


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: type(message).__name__)
def test_a_message_survives_the_wire(message: Message) -> None:
    assert decode(encode(message), Message) == message


def test_a_graph_survives_json() -> None:
    assert GraphSpec.from_json(graph().to_json()) == graph()


def test_unknown_fields_are_ignored_so_that_a_newer_peer_may_say_more() -> None:
    content = {TAG: "SignalTaken", "seq": 7, "colour": "blue"}
    assert decode(msgpack.packb(content), signals.SignalTaken) == signals.SignalTaken(7)


def test_a_field_with_a_default_may_be_missing() -> None:
    content = {TAG: "StoreReply", "seq": 7}
    assert decode(msgpack.packb(content), store.StoreReply) == store.StoreReply(7)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (17, "a map was expected, not int"),
        ({}, "cannot read message None"),
        ({TAG: "Signal"}, "field 'seq' is missing"),
        ({TAG: "Signal", "seq": "1", "run_id": 1, "source": "a"}, "Signal.seq: int expected, not str"),
        ({TAG: "Signal", "seq": True, "run_id": 1, "source": "a"}, "int expected, not bool"),
        ({TAG: "Beat", "pipeline": "p"}, "SignalTaken expected here"),
        ({TAG: ["Signal"]}, "cannot read message"),
    ],
)
def test_a_message_of_the_wrong_shape_is_refused_in_words(content: Any, words: str) -> None:
    with pytest.raises(BadMessage, match=words):
        decode(msgpack.packb(content), signals.Signal, signals.SignalTaken)


def test_a_message_that_is_known_but_not_expected_here_is_refused() -> None:
    with pytest.raises(BadMessage, match="Operation expected here"):
        decode(encode(signals.Signal(1, 2, "a")), store.Operation)


def test_a_value_that_is_no_plain_value_cannot_be_sent() -> None:
    with pytest.raises(BadMessage, match="cannot send StoreReply"):
        encode(store.StoreReply(1, object()))


def test_a_message_over_the_limit_is_refused_on_both_sides() -> None:
    with pytest.raises(BadMessage, match="at most"):
        encode(store.StoreReply(1, b"x" * (MAX_MESSAGE + 1)))
    with pytest.raises(BadMessage, match="at most"):
        decode(b"x" * (MAX_MESSAGE + 1), signals.Signal)


def test_deep_nesting_is_refused() -> None:
    value: Any = 1
    for _ in range(codec.MAX_DEPTH + 2):
        value = [value]
    with pytest.raises(BadMessage, match="nested deeper"):
        decode(msgpack.packb({TAG: "StoreReply", "seq": 1, "value": value}), store.StoreReply)


def test_a_refusal_by_the_message_itself_is_a_bad_message() -> None:
    with pytest.raises(BadMessage, match="backoff_factor"):
        decode(msgpack.packb({TAG: "RestartPolicy", "backoff_factor": 0.5}), RestartPolicy)


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_and_nothing_else(data: bytes) -> None:
    with pytest.raises(BadMessage):
        decode(data, store.StoreRequest)


@given(st.sampled_from(sorted(codec._MESSAGES)), st.dictionaries(st.text(), json_values, max_size=5))
def test_maps_of_the_wrong_shape_are_read_or_refused_and_nothing_else(name: str, content: dict[str, Any]) -> None:
    with contextlib.suppress(BadMessage):
        decode(msgpack.packb({**content, TAG: name}), Message)


@given(st.lists(st.binary(max_size=50), max_size=5), st.integers(1, 7))
def test_frames_are_cut_the_same_however_the_bytes_arrive(contents: list[bytes], step: int) -> None:
    stream = b"".join(frame(each) for each in contents)
    reader, frames = FrameReader(), []
    for start in range(0, len(stream), step):
        frames += reader.feed(stream[start : start + step])
    assert frames == contents


def test_a_frame_that_claims_more_than_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(BadMessage, match="at most"):
        FrameReader().feed(b"\xff\xff\xff\xff")


@pytest.mark.parametrize("each", [b"\x90", b"\x80"])
def test_a_message_of_very_many_lists_or_maps_is_refused_before_they_fill_the_memory(each: bytes) -> None:
    rows = b"\xdc\x10\x00" + each * 4096
    with pytest.raises(BadMessage, match="more than 262144 lists and maps"):
        decode(b"\x82\xa1@\xaaStoreReply\xa5value" + b"\xdc\x00\x64" + rows * 100, store.StoreReply)


def test_what_nobody_could_read_is_not_sent() -> None:
    with pytest.raises(BadMessage, match=r"cannot send StoreReply: .*262144"):
        encode(store.StoreReply(1, [{}] * (codec.MAX_NODES + 1)))


def test_as_many_rows_as_a_store_gives_at_once_can_be_sent() -> None:
    rows = [{"id": number} for number in range(20_000)]
    assert decode(encode(store.StoreReply(1, rows)), store.StoreReply).value == rows


@pytest.mark.parametrize("value", [{b"key": 1}, [{"deep": {b"key": 1}}], msgpack.Timestamp(1)])
def test_what_is_no_plain_data_is_refused(value: Any) -> None:
    data = msgpack.packb({"@": "StoreReply", "seq": 1, "value": value})
    with pytest.raises(BadMessage, match="plain data expected"):
        decode(data, StoreReply)


def test_an_extension_of_msgpack_is_no_plain_data() -> None:
    data = msgpack.packb({"@": "StoreReply", "seq": 1, "value": msgpack.ExtType(1, b"x")})
    with pytest.raises(BadMessage, match="extension type 1"):
        decode(data, StoreReply)


def test_a_word_that_is_not_among_those_allowed_is_refused() -> None:
    data = encode(store.Complete(1, 1, "succeeded")).replace(b"\xa9succeeded", b"\xa9forgotten")
    with pytest.raises(BadMessage, match=r"Complete\.state: one of"):
        decode(data, store.Complete)
