"""When and how soon a node is started again, and how much of its log is kept. Pure data; others decide with it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, get_args

from node_sdk.errors import InvalidPipeline
from node_sdk.wire.codec import Message

When = Literal["always", "on-failure", "never"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPolicy(Message):
    """What becomes of a node's log. What is None here is taken from the pipeline's, then from the daemon's settings,
    then from `DEFAULT_LOG_POLICY`: 10 MiB, 5 files, 30 days, every level.

    `max_bytes`: how large the file may grow before it is rotated. `files`: how many there are, the current one
    included, so a node's logs take about `max_bytes * files`. `max_age`: after how many days an old file is removed.
    `level`: records of `logging` below it are not written; None leaves the levels as the program sets them.
    """

    max_bytes: int | None = None
    files: int | None = None
    max_age: float | None = None
    level: LogLevel | None = None

    def __post_init__(self) -> None:
        if self.max_bytes is not None and self.max_bytes < 16384:
            raise InvalidPipeline(f"cannot use max_bytes={self.max_bytes}: it is a number of bytes, 16384 or more")
        if self.files is not None and self.files < 1:
            raise InvalidPipeline(f"cannot use files={self.files}: it is 1 (the current file alone) or more")
        if self.max_age is not None and not self.max_age > 0:
            raise InvalidPipeline(f"cannot use max_age={self.max_age}: it is a number of days, above 0")
        if self.level not in (None, *get_args(LogLevel)):
            raise InvalidPipeline(f"cannot use level={self.level!r}: it is one of {', '.join(get_args(LogLevel))}")

    def over(self, other: LogPolicy) -> LogPolicy:
        """This one, and what it leaves open as `other` has it."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        return LogPolicy(**{name: getattr(other, name) if value is None else value for name, value in given.items()})


DEFAULT_LOG_POLICY = LogPolicy(max_bytes=10 * 1024 * 1024, files=5, max_age=30.0)
