"""The rows of the journal, typed. Wall times are seconds since 1970 (UTC), as `time.time()` gives them; they are for
people: nothing is ordered by them, no deadline follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineRow:
    """A registered pipeline: how to load it again, and whether it is wanted."""

    name: str
    file: str
    object: str | None = None  # which pipeline of the file, where it has several
    argv: tuple[str, ...] = ()
    cwd: str
    python: str  # the interpreter of the pipeline's environment
    env: Mapping[str, str | None] = field(default_factory=dict)  # names; values only in a journal before version 3
    env_file: str | None = None  # a file of further variables, read when the pipeline is loaded
    env_kept: str | None = None  # which file beside the journal has the values; None where there are none
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by node, over what the code says
    graph: str | None = None  # GraphSpec.to_json() of the last load; None before the first
    desired: str = "up"
    created: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRow:
    """A node as the last turn left it. `pid` with `started` and `boot_id` is the identity of its process."""

    pipeline: str
    name: str
    desired: str
    phase: str = "down"
    reason: str = ""
    incarnation: int = 0  # the last number that was given; never goes down
    pid: int | None = None
    started: float | None = None  # no wall time: see process/identity.py
    boot_id: str | None = None
    ready_at: float | None = None
    restarts: int = 0
    done: bool = False
    crashed: bool = False
    end_reason: str | None = None
    end_exit_code: int | None = None
    end_signal: int | None = None
    end_at: float | None = None
    shape: str = ""  # of the last incarnation (node_sdk.changes.shape); empty: not known


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderRow:
    """A loader process of a pipeline."""

    pipeline: str
    pid: int
    started: float
    boot_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the story: what changed, from what, to what, why."""

    at: float
    pipeline: str
    node: str | None = None
    incarnation: int | None = None
    event: str
    from_: str = ""
    to: str = ""
    reason: str = ""
    id: int | None = field(default=None, compare=False)  # rising, given by the journal and never twice; None: not yet
