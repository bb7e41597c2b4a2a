"""What may be recorded: keys, numbers and plain values, the same wherever they are checked.

Checked in the process that logs them, so that the error has the user's own line in its traceback, and again by the
store, which trusts nobody.
"""

from __future__ import annotations

import json
import math
import numbers
from typing import Any

from node_sdk.errors import InvalidValue

MAX_KEY = 250  # characters
MAX_JSON = 10_000  # characters of a value as JSON
MAX_NESTING = 20
_INT64 = range(-(2**63), 2**63)


def checked_key(key: object, what: str) -> str:
    """`key` when it may name a `what` ("metric 'loss' of node 'train'"); InvalidValue when not."""
    if not isinstance(key, str):
        raise InvalidValue(f"cannot record {what}: a key is a string, not {type(key).__name__}")
    if not 0 < len(key) <= MAX_KEY:
        raise InvalidValue(f"cannot record {what[:120]}: a key has 1 to {MAX_KEY} characters, this one has {len(key)}")
    _check_text(key, what)
    return key


def checked_number(value: Any, what: str) -> float:
    """`value` as a finite float: numbers, bools and numpy scalars; InvalidValue for everything else."""
    if isinstance(value, (str, bytes, bytearray)) or not hasattr(type(value), "__float__"):
        raise InvalidValue(f"cannot record {what}: a metric is a number, not {type(value).__name__}")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidValue(f"cannot record {what}: {value!r:.80} is no number: {error}") from error
    if not math.isfinite(number):
        raise InvalidValue(f"cannot record {what}: it is {number}, and only finite numbers can be compared or drawn")
    return number


def checked_step(step: object, what: str) -> int | None:
    """`step` as an int, or None; InvalidValue for everything else."""
    if step is None:
        return None
    if isinstance(step, bool) or not isinstance(step, numbers.Integral) or int(step) not in _INT64:
        raise InvalidValue(f"cannot record {what}: a step is an integer of 64 bits, not {step!r:.80}")
    return int(step)


def checked_json(value: object, what: str) -> Any:
    """`value` as plain data (None, bool, int, float, str, list, dict) small enough to keep; InvalidValue when not."""
    plain = _plain(value, what, 0)
    length = len(as_json(plain))
    if length > MAX_JSON:
        raise InvalidValue(
            f"cannot record {what}: it has {length} characters as JSON, at most {MAX_JSON} are allowed; "
            "save it as an artifact instead"
        )
    return plain


def as_json(plain: object) -> str:
    """Plain data as the text that is kept."""
    return json.dumps(plain, separators=(",", ":"))


def _plain(value: object, what: str, depth: int) -> Any:
    if depth > MAX_NESTING:
        raise InvalidValue(f"cannot record {what}: it is nested deeper than {MAX_NESTING}")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _check_text(str(value), what)
    if isinstance(value, numbers.Integral):
        return _check_int(int(value), what)
    if isinstance(value, numbers.Real):
        return _check_float(float(value), what)
    if isinstance(value, (list, tuple)):
        return [_plain(each, what, depth + 1) for each in value]
    if isinstance(value, dict):
        return {_check_name(key, what): _plain(each, what, depth + 1) for key, each in value.items()}
    raise InvalidValue(
        f"cannot record {what}: {type(value).__name__} is no plain value "
        "(None, bool, int, float, str, list, dict with string keys)"
    )


def _check_int(value: int, what: str) -> int:
    if value not in _INT64:
        raise InvalidValue(f"cannot record {what}: an integer has 64 bits, this one is larger")
    return value


def _check_float(value: float, what: str) -> float:
    if not math.isfinite(value):
        raise InvalidValue(f"cannot record {what}: {value} is no JSON; give None or a string instead")
    return value


def _check_name(key: object, what: str) -> str:
    if not isinstance(key, str):
        raise InvalidValue(f"cannot record {what}: a key inside it is {type(key).__name__}, only strings are allowed")
    return _check_text(str(key), what)


def _check_text(text: str, what: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidValue(f"cannot record {_shown(what)}: it holds characters that are no Unicode text") from error
    if "\0" in text:  # PostgreSQL keeps no NUL in text, so no store does
        raise InvalidValue(f"cannot record {_shown(what)}: it holds a NUL character")
    return text


def _shown(what: str) -> str:
    """`what` may name a key that is itself no text that can be written."""
    return what.replace("\0", "\\0").encode(errors="backslashreplace").decode()
