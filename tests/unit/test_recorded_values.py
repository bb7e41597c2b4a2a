"""What may be recorded, and the words for what may not."""

import math

import numpy as np
import pytest

from node_sdk.errors import InvalidValue
from node_sdk.values import MAX_JSON, MAX_KEY, as_json, checked_json, checked_key, checked_number, checked_step

WHAT = "metric 'loss' of node 'train'"


@pytest.mark.parametrize("value", [1, 1.5, True, np.float64(2.5), np.float32(2.5), np.int64(3), np.bool_(True)])
def test_numbers_are_kept_as_floats(value):
    assert type(checked_number(value, WHAT)) is float
    assert checked_number(value, WHAT) == float(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_numbers_that_are_not_finite_are_refused_by_name(value):
    with pytest.raises(InvalidValue, match=r"cannot record metric 'loss' of node 'train': it is -?(nan|inf)"):
        checked_number(value, WHAT)


@pytest.mark.parametrize("value", ["1.5", b"1", None, object(), [1], 1j, 10**400, np.array([1.0, 2.0])])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(InvalidValue, match="cannot record metric 'loss' of node 'train'"):
        checked_number(value, WHAT)


@pytest.mark.parametrize("key", ["", "k" * (MAX_KEY + 1), 5, "nul\0", "\udc80"])
def test_keys_that_cannot_be_kept_are_refused(key):
    with pytest.raises(InvalidValue):
        checked_key(key, "a tag")
    assert checked_key("k" * MAX_KEY, "a tag")


def test_a_step_is_an_integer():
    assert checked_step(np.int32(7), WHAT) == 7
    assert checked_step(None, WHAT) is None
    for value in (1.0, True, "1", 2**63):
        with pytest.raises(InvalidValue, match="a step is an integer"):
            checked_step(value, WHAT)


def test_plain_values_are_kept_as_they_are():
    value = {"a": [1, 2.5, None, True, "ü"], "b": {"c": (1, 2)}, "n": np.int64(4), "f": np.float32(0.5)}
    assert checked_json(value, WHAT) == {"a": [1, 2.5, None, True, "ü"], "b": {"c": [1, 2]}, "n": 4, "f": 0.5}
    assert as_json(checked_json((1, 2), WHAT)) == "[1,2]"


@pytest.mark.parametrize(
    "value", [object(), {1: 2}, {1, 2}, b"x", math.nan, [math.inf], 2**63, "x" * MAX_JSON, "\0", len]
)
def test_what_is_no_plain_value_is_refused(value):
    with pytest.raises(InvalidValue, match="cannot record param"):
        checked_json(value, "param 'p' of node 'n'")


def test_a_value_that_holds_itself_is_refused():
    value: list[object] = []
    value.append(value)
    with pytest.raises(InvalidValue, match="nested deeper"):
        checked_json(value, "param 'p' of node 'n'")
