"""Daemon and loader (the fork server of a pipeline), over a unix stream in frames."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from node_sdk.graph import GraphSpec
from node_sdk.policy import LogPolicy
from node_sdk.wire.codec import Message


@dataclass(frozen=True, slots=True)
class ToLoader(Message):
    """Base of what the daemon says to a loader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load(ToLoader):
    """First frame a new loader gets: which file to run, and where things are. Paths are absolute."""

    file: str
    name: str | None = None  # which pipeline of the file, where it has several
    argv: tuple[str, ...] = ()
    cwd: str
    pipeline: str | None = None  # what to call the pipeline, over its own name
    socket_dir: str  # of this daemon; a pipeline's sockets lie in socket_dir/PIPELINE/
    data_dir: str  # of this daemon; a pipeline's files lie in data_dir/PIPELINE/
    beside: bool = False  # another loader of this pipeline lives: listen at a socket of one's own
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)  # settings by node, over those of the file
    log_policy: LogPolicy = field(default_factory=LogPolicy)  # of this daemon; pipelines and nodes come before it


@dataclass(frozen=True, slots=True)
class Attend(ToLoader):
    """First frame of a daemon that connects to a loader: it takes the place of the one before. Answered by Loaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spawn(ToLoader):
    """Start incarnation `incarnation` of `node`; answered by Spawned or SpawnFailed, later by Exited."""

    node: str
    incarnation: int
    paused: bool = False
    crashed: bool = False  # the previous incarnation ended by its own fault (counts against its task)


@dataclass(frozen=True, slots=True)
class Query(ToLoader):
    """Answer store request `request` (bytes of a StoreRequest) in a child of its own: the store node is down."""

    id: int
    request: bytes


@dataclass(frozen=True, slots=True)
class Forget(ToLoader):
    """The daemon has written down that this incarnation exited; the loader need not keep it."""

    node: str
    incarnation: int


@dataclass(frozen=True, slots=True)
class Quit(ToLoader):
    """End, once no node is left."""


@dataclass(frozen=True, slots=True)
class FromLoader(Message):
    """Base of what a loader says to the daemon."""


@dataclass(frozen=True, slots=True)
class ChildState(Message):
    """A node process as the loader knows it; `exit_code` or `signal` is set once it is reaped."""

    node: str
    incarnation: int
    pid: int
    started: float  # start time of the process; Linux: seconds since boot, elsewhere psutil's create_time
    exit_code: int | None = None
    signal: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded(FromLoader):
    """First frame to each daemon, also one that attends: the graph, and the children alive or not yet forgotten."""

    graph: GraphSpec
    pid: int
    forking: bool  # nodes are forked from here; False: each loads the file in a fresh interpreter
    note: str  # why not forking, where so
    children: tuple[ChildState, ...] = field(default=())
    sources: tuple[str, ...] = field(default=())  # files of the user's project that were loaded


@dataclass(frozen=True, slots=True)
class LoadFailed(FromLoader):
    """The file gave no pipeline; `message` says why and what to do, `detail` is a traceback of the user's code."""

    message: str
    detail: str


@dataclass(frozen=True, slots=True)
class Spawned(FromLoader):
    node: str
    incarnation: int
    pid: int
    started: float


@dataclass(frozen=True, slots=True)
class SpawnFailed(FromLoader):
    node: str
    incarnation: int
    message: str


@dataclass(frozen=True, slots=True)
class Exited(FromLoader):
    """The process was reaped: exactly one of `exit_code` and `signal` is set."""

    node: str
    incarnation: int
    pid: int
    exit_code: int | None
    signal: int | None


@dataclass(frozen=True, slots=True)
class QueryAnswer(FromLoader):
    """`reply` is the bytes of a StoreReply, or None with `error` in words."""

    id: int
    reply: bytes | None
    error: str
