"""Node to metadata store: operations and their answers.

An operation is idempotent: a client repeats it, with the same `seq`, until it is answered, also across a crash of
the store. `tell` operations are answered too (so that the client knows they are durable), but not waited for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from node_sdk.wire.codec import Message

OPERATOR = "@operator"  # who asks on behalf of a person; not fenced, may read and trigger

ArtifactState = Literal["new", "current", "old", "failed"]
TaskEnd = Literal["succeeded", "failed", "error"]
Table = Literal["runs", "tasks", "artifacts", "metrics", "params", "tags", "artifact_tags", "nodes", "retries"]


@dataclass(frozen=True, slots=True)
class Operation(Message):
    """Base of what can be asked of a store."""


@dataclass(frozen=True, slots=True)
class StoreRequest(Message):
    """Operation number `seq` of this incarnation of `node`."""

    seq: int
    node: str
    incarnation: int
    operation: Operation
    told: bool = False  # nobody waits for its answer: the next answer of this client may do for it


@dataclass(frozen=True, slots=True)
class StoreReply(Message):
    """The answer to request `seq`, sent after its commit: `value`, or an error of `kind` in words. It also says that
    whatever the same client told before is durable; of that, only what was refused gets a reply of its own.

    Kinds: 'fenced' (value = the current incarnation), 'invalid', 'not-found', 'finished' (the task or run is over);
    to the operator also 'unavailable' (the database cannot do its work now; nothing was done).
    """

    seq: int
    value: Any = None
    error: str | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Wake(Message):
    """Store to node, unasked: its task of `run_id` is due by what this attempt of `source` has completed.

    It runs ahead of the signal along the edge, which says the same. Nobody answers it, and it may be lost.
    """

    run_id: int
    source: str
    attempt: int


# ---- the life of a node


@dataclass(frozen=True, slots=True)
class Hello(Operation):
    """A new incarnation begins: older ones are fenced from here on. Answered by Welcome (as a map).

    `interrupted_run` and `interrupted_attempt` say what the previous incarnation was executing (from its flight
    recorder). With `crashed`, that counts as a crash of the task, and at the graph's max_crashes it ends as 'error'.
    With `timed_out`, which says that it was killed for exceeding the action's timeout, the attempt ended as 'error'
    and counts as no crash: the task stays due where retries are left. It counts once, when the first to say hello
    after `interrupted_incarnation`, which executed it, says so.
    """

    interrupted_run: int | None = None
    crashed: bool = False
    timed_out: bool = False
    interrupted_attempt: int | None = None
    interrupted_incarnation: int | None = None


@dataclass(frozen=True, slots=True)
class Due(Message):
    """A task that this node should execute in `wait` seconds, as attempt `attempts` + 1.

    `failures` of the attempts ended as failed or error since the run began, or was last retried by hand; attempts
    that a crash or a stop cut short are none of them. With `failures` up to the action's `retries`, tries are left.
    """

    run_id: int
    attempts: int
    wait: float = 0.0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Output(Message):
    """An artifact that a task made. `location` is relative to the resource; `staging` is where its bytes wait."""

    resource: str
    location: str
    staging: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Unsignalled(Message):
    """This node's task of `run_id` is done; these successors are due and have not begun."""

    run_id: int
    successors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Welcome(Message):
    """What a node that starts must know (law 2): its due tasks, the signals and publications to repeat.

    A signal for a run up to `last_run_id` that is not in `due` is confirmed with the store before it is obeyed.
    `store_id` is random, and differs from that of any other store: the first part of each task's key.
    """

    last_run_id: int
    due: tuple[Due, ...]
    unsignalled: tuple[Unsignalled, ...]
    unpublished: tuple[Output, ...]
    store_id: str = ""


# ---- resources


@dataclass(frozen=True, slots=True)
class Found(Message):
    """An artifact that a resource sees. `mtime_ns` is any number that changes when the bytes may have changed."""

    location: str
    sha256: str
    size: int
    mtime_ns: int = 0


@dataclass(frozen=True, slots=True)
class RecordArtifacts(Operation):
    """Record what was found, in state `state`; a location whose latest version has the same sha256 is no news.

    `first_scan` marks that this resource has now seen what was there at its very first start. Not `lasting`: it would
    be found again after a power failure, so nobody waits for the disk.
    Answer: list of ids, None where it was no news.
    """

    resource: str
    found: tuple[Found, ...]
    state: ArtifactState = "new"
    first_scan: bool = False
    lasting: bool = True


@dataclass(frozen=True, slots=True)
class ForgetArtifacts(Operation):
    """These locations are gone: their artifacts that are still `new` are no longer offered. Answer: how many."""

    resource: str
    locations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Offer(Operation):
    """The resource's trigger_condition() holds, or no longer does. Answer: None; a run may start (law 4).

    `last_run_id` is the last run that the resource knows of. An offer made in ignorance of a newer run, which has
    claimed what it speaks of, does not count; the resource hears of that run and offers again.
    """

    resource: str
    holds: bool
    last_run_id: int


# ---- actions


@dataclass(frozen=True, slots=True)
class AskDue(Operation):
    """The node was signalled for a run that it may have executed before: is its task due (again)?

    A run that was retried by hand signals nodes again. Answer: Due (as a map), or None.
    """

    run_id: int


@dataclass(frozen=True, slots=True)
class Begin(Operation):
    """The node begins attempt number `attempt` (from 1), or began it `seconds` ago. What an earlier attempt logged is
    taken back.

    Refused with kind 'finished' when the task is over. Answer: None.
    """

    run_id: int
    attempt: int
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Complete(Operation):
    """The task is over. Answer: names of the successors whose tasks are due by it, a list. Who waits for
    outputs, those of this task or of another, is not among them: the answer to Published names it.

    `seconds` says that no Begin was sent of this attempt, and how long ago it began: it begins and ends by this.
    """

    run_id: int
    attempt: int
    state: TaskEnd
    error: str | None = None
    outputs: tuple[Output, ...] = ()
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class EndAttempt(Operation):
    """This attempt failed, and the node tries again, with the next number, after `wait` seconds. Answer: None.

    Refused with kind 'finished' when the task is over, as by a run that was cancelled.
    """

    run_id: int
    attempt: int
    state: Literal["failed", "error"]
    error: str | None
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Lost(Message):
    """An output that cannot be put in its final place, and why."""

    resource: str
    location: str
    reason: str


@dataclass(frozen=True, slots=True)
class Published(Operation):
    """The outputs of this task stand at their final place, but for those that are `lost`, whose artifacts are failed.

    Answer: names of the successors whose tasks are due now, a list, as of Complete.
    """

    run_id: int
    lost: tuple[Lost, ...] = ()


@dataclass(frozen=True, slots=True)
class LogMetrics(Operation):
    """Record metrics. `n` numbers what one attempt logs, from 0, so that a repeated request is known. Answer: None."""

    run_id: int | None
    attempt: int
    n: int
    values: dict[str, float]
    step: int | None = None


@dataclass(frozen=True, slots=True)
class LogParams(Operation):
    """Record parameters of this task (last value of a key wins); values are plain JSON. Answer: None."""

    run_id: int | None
    attempt: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SetTags(Operation):
    """Record tags of this task (last value of a key wins). Answer: None."""

    run_id: int | None
    attempt: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TagArtifact(Operation):
    """Record tags of an artifact (last value of a key wins), and take away those in `without`. Answer: None."""

    artifact_id: int
    values: dict[str, Any]
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UpdateArtifact(Operation):
    """Set the state of an artifact by hand. Answer: None."""

    artifact_id: int
    state: ArtifactState


# ---- runs by hand, and reading


@dataclass(frozen=True, slots=True)
class StartRun(Operation):
    """Start a run now, however many are under way, with every `new` artifact there is. `token` is unique to the wish,
    so that repeating it starts no second run. Answer: the run's id."""

    token: str
    trigger: str = "manual"


@dataclass(frozen=True, slots=True)
class EndRun(Operation):
    """End a run now: tasks that are not over become `cancelled`. Answer: None."""

    run_id: int
    state: Literal["succeeded", "failed", "cancelled"] = "cancelled"


@dataclass(frozen=True, slots=True)
class RetryRun(Operation):
    """Open a run again that has ended: its tasks that did not succeed are executed again, under the same run.

    With `from_node`, instead that node's task and every one after it, also of a run that succeeded. The run's
    artifacts are its own again. `token` is unique to the wish, as in StartRun. Answer: None.
    """

    run_id: int
    from_node: str | None
    token: str


@dataclass(frozen=True, slots=True)
class TagRun(Operation):
    """Record tags of a run that a person gives it (last value of a key wins), and take away those in `without`. They
    stand beside those of its tasks, as of the node OPERATOR. Answer: None."""

    run_id: int
    values: dict[str, Any]
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Select(Operation):
    """Rows of a table as a list of maps. `where`: column to value, or to a list of allowed values."""

    table: Table
    where: dict[str, Any]
    descending: bool = False
    limit: int | None = None
    after_id: int | None = None


@dataclass(frozen=True, slots=True)
class Count(Operation):
    """How many rows `where` holds. Answer: int."""

    table: Table
    where: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ShowPanel(Operation):
    """What a node shows of itself (`panel()`). No store answers it, but a child of the loader, which has the node's
    code and reads the store's files. Answer: a list of maps."""

    node: str


@dataclass(frozen=True, slots=True)
class AskFigures(Operation):
    """What the store has counted since its process began, and how many artifacts are in each state. Answer: a map."""
