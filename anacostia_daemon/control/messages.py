"""Client and daemon over the control socket: one request, any number of progress lines, then one result or error.

A connection carries one conversation at a time; a client may send its next request before the last is answered, and
is answered in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from node_sdk.wire.codec import Message

MAX_REQUEST = 1024 * 1024  # bytes; arguments and an environment fit, a mistake does not

ErrorCode = Literal["unknown", "not-running", "invalid", "failed", "busy", "denied"]


@dataclass(frozen=True, slots=True)
class ToDaemon(Message):
    """Base of what a client says to the daemon."""


@dataclass(frozen=True, slots=True)
class ControlRequest(ToDaemon):
    """Do `command`; which commands there are, and their arguments, is the supervisor's knowledge."""

    command: str
    args: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToClient(Message):
    """Base of what the daemon says to a client."""


@dataclass(frozen=True, slots=True)
class ControlProgress(ToClient):
    """Something happened on the way to the result; a line to show to a person."""

    text: str


@dataclass(frozen=True, slots=True)
class ControlResult(ToClient):
    """The request was done; `value` is plain data of the shapes that the documentation promises."""

    value: Any


@dataclass(frozen=True, slots=True)
class ControlError(ToClient):
    """The request was not done. `message` begins with what cannot be done; `hint` says what to type instead.

    Codes: 'unknown' (no such pipeline, node, run), 'not-running', 'invalid' (the request itself is wrong), 'failed',
    'busy' (try again later), 'denied' (another user's daemon).
    """

    code: ErrorCode
    message: str
    hint: str = ""
