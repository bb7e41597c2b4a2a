"""The settings of every action as keywords of a constructor: what a class of one's own would set as attributes."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from node_sdk.errors import InvalidPipeline
from node_sdk.nodes.action import BaseActionNode
from node_sdk.nodes.base import BaseNode, Loggers

T = TypeVar("T")

SETTINGS = (
    "essential",
    "heartbeat_timeout",
    "limits",
    "log_policy",
    "restart",
    "retries",
    "retry_delay",
    "start_method",
    "start_timeout",
    "stop_timeout",
    "timeout",
    "trigger_rule",
)


class ReadyActionNode(BaseActionNode):
    """Base of the actions that need no class of one's own; `settings` are those of every action, as keywords."""

    def __init__(
        self,
        name: str,
        predecessors: Sequence[BaseNode],
        loggers: Loggers = None,
        settings: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(name, predecessors, loggers)
        for key, value in (settings or {}).items():
            if key not in SETTINGS:
                raise InvalidPipeline(_unknown(name, type(self).__name__, key))
            setattr(self, key, value)

    def value_of(self, given: T | Callable[..., T]) -> T:
        """`given`, or what it returns for this node where it is a function: it may look at the run's artifacts."""
        return given(self) if callable(given) else given


def _unknown(name: str, kind: str, key: str) -> str:
    near = difflib.get_close_matches(key, SETTINGS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"its settings are {', '.join(SETTINGS)}"
    return f"cannot make action {name!r}: {kind} takes no {key!r} ({hint})"
