"""When and how soon a node is started again. Pure data; the supervisor decides with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from node_sdk.errors import InvalidPipeline
from node_sdk.wire.codec import Message

When = Literal["always", "on-failure", "never"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy(Message):
    """How the supervisor restarts a node that ended without being told to.

    `when`: `always`, `on-failure` (not after exit code 0) or `never`.
    `max_restarts` within `window` seconds, then the node is `failed`; None means no limit.
    The first restart of a window is immediate; the next wait `backoff_initial` seconds, times
    `backoff_factor` each time, up to `backoff_max`, plus or minus the share `jitter`.
    `backoff_initial=0`: all restarts are immediate.
    After `healthy_after` seconds in `ready` the backoff begins anew.
    """

    when: When = "always"
    max_restarts: int | None = 5
    window: float = 60.0
    backoff_initial: float = 0.5
    backoff_factor: float = 2.0
    backoff_max: float = 30.0
    jitter: float = 0.1
    healthy_after: float = 30.0

    def __post_init__(self) -> None:
        if self.when not in ("always", "on-failure", "never"):
            raise InvalidPipeline(
                f"cannot use restart policy when={self.when!r}: it is one of 'always', 'on-failure', 'never'"
            )
        if self.max_restarts is not None and self.max_restarts < 0:
            raise InvalidPipeline(f"cannot use max_restarts={self.max_restarts}: it is 0 or more, or None")
        for name in ("window", "backoff_initial", "backoff_max", "healthy_after"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise InvalidPipeline(f"cannot use {name}={value}: it is a number of seconds, 0 or more")
        if not 1 <= self.backoff_factor <= 100:
            raise InvalidPipeline(f"cannot use backoff_factor={self.backoff_factor}: it lies between 1 and 100")
        if not 0 <= self.jitter < 1:
            raise InvalidPipeline(f"cannot use jitter={self.jitter}: it is a share between 0 and 1")
