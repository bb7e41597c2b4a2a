"""When and how soon a node is started again, what its processes may use, and how much of its log is kept. Pure data:
the supervisor decides with it, and each process of a node puts the limits on itself before any code of the user runs.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, fields
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


RLIMITS = (
    *("as", "core", "cpu", "data", "fsize", "memlock", "msgqueue", "nice", "nofile", "nproc"),
    *("rss", "rtprio", "sigpending", "stack"),
)
UNLIMITED = -1  # of an rlimit; the system's own number for it, too


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits(Message):
    """What the processes of a node may use, and how the system treats them. None leaves a thing as it is.

    `nice`: -20 (first) to 19 (last). `cpus`: the numbers of the CPUs it may run on. `umask`: as in 0o027.
    `memory_limit`: bytes that the node and all that it started may use together; one that uses more is killed and
    started again as its restart policy says. `oom_score_adj`: -1000 (never chosen when memory runs out) to 1000 (the
    first). `rlimits`: by the names of setrlimit(2) in small letters, soft and hard alike; `UNLIMITED` for none.
    What is more than the daemon itself has (a lower `nice`, a higher hard limit) needs privileges.

    Raises InvalidPipeline for a value that makes no sense.
    """

    nice: int | None = None
    cpus: tuple[int, ...] | None = None
    umask: int | None = None
    memory_limit: int | None = None
    oom_score_adj: int | None = None
    rlimits: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _whole("nice", self.nice, -20, 19)
        _whole("umask", self.umask, 0, 0o777)
        _whole("memory_limit", self.memory_limit, 1, 2**63 - 1)
        _whole("oom_score_adj", self.oom_score_adj, -1000, 1000)
        if self.cpus is not None:
            object.__setattr__(self, "cpus", tuple(self.cpus))
            if not self.cpus:
                raise InvalidPipeline("cannot use cpus=(): name at least one CPU, or None for all")
            for each in self.cpus:
                _whole("cpus", each, 0, 65535)
        for name, value in self.rlimits.items():
            if name not in RLIMITS:
                near = difflib.get_close_matches(str(name), RLIMITS, 1)
                guess = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(RLIMITS)}"
                raise InvalidPipeline(f"cannot use rlimit {name!r}: there is none of that name ({guess})")
            _whole(f"rlimit {name}", value, UNLIMITED, 2**63 - 1)


def _whole(name: str, value: object, least: int, most: int) -> None:
    if value is not None and (type(value) is not int or not least <= value <= most):
        raise InvalidPipeline(f"cannot use {name}={value!r}: it is a whole number from {least} to {most}")


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
