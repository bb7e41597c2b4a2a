"""The shapes of all answers, as the documentation promises them. More fields may come; none of these goes."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

JsonValue = Any


class Shape(BaseModel):
    """Base of all shapes: fields that are not named here are passed on."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)


class Problem(Shape):
    """What cannot be done, in words; `hint` says what to do instead."""

    code: str
    message: str
    hint: str = ""


class Failure(Shape):
    error: Problem


class Daemon(Shape):
    pid: int
    version: str
    started_at: str
    home: str
    shutting_down: bool = False


class End(Shape):
    reason: str
    exit_code: int | None
    signal: int | None
    at: str | None


class Node(Shape):
    name: str
    kind: Literal["metadata_store", "resource", "action"]
    type: str
    desired: str
    phase: str
    reason: str
    pid: int | None
    incarnation: int
    restarts: int
    started_at: str | None
    ready_at: str | None
    last_end: End | None
    work: str
    cpu_percent: float | None
    rss_bytes: int | None
    predecessors: list[str]


class Pipeline(Shape):
    name: str
    file: str
    desired: str
    phase: str
    reason: str = ""
    nodes: list[Node]


class Status(Shape):
    daemon: Daemon
    pipelines: list[Pipeline]


class Task(Shape):
    node: str
    state: str
    attempts: int
    started_at: str | None
    ended_at: str | None
    error: str | None


class Run(Shape):
    id: int
    pipeline: str
    state: str
    started_at: str
    ended_at: str | None
    trigger: str
    tasks: list[Task]


class Attention(Shape):
    """What a person should look at: a node, a run, or the whole."""

    node: str | None
    run_id: int | None
    what: str
    reason: str


class PipelineSummary(Pipeline):
    recent: list[Run] = Field(description="its last runs, the newest first")
    attention: list[Attention]


class Overview(Shape):
    daemon: Daemon
    pipelines: list[PipelineSummary]


class GraphNode(Shape):
    name: str
    kind: str
    type: str
    predecessors: list[str]


class Graph(Shape):
    name: str
    nodes: list[GraphNode]


class Incarnation(Shape):
    incarnation: int
    started_at: str | None
    ready_at: str | None
    ended_at: str | None
    reason: str
    exit_code: int | None
    signal: str | None


class UsagePoint(Shape):
    at: str
    cpu_percent: float | None
    rss_bytes: int | None
    incarnation: int


class LogLine(Shape):
    id: str
    at: str | None
    level: str | None
    run_id: int | None
    pid: int | None
    text: str
    cut: int = Field(description="how many bytes of the line are not shown")


class LogPage(Shape):
    """`before` and `after` are cursors for the pages around this one; None: there is no such page."""

    lines: list[LogLine]
    before: str | None
    after: str | None
    complete: bool


class JournalLine(Shape):
    id: int
    at: str
    pipeline: str
    node: str | None
    incarnation: int | None
    event: str
    from_: str = Field(alias="from")
    to: str
    reason: str


class JournalPage(Shape):
    items: list[JournalLine]
    before: int | None


class RunPage(Shape):
    """`next` is the `before` of the page that follows; `scanned` says how many runs were looked at for this one."""

    items: list[Run]
    next: int | None
    scanned: int


class Maker(Shape):
    run_id: int
    node: str | None


class Artifact(Shape):
    id: int
    resource: str
    location: str
    state: str
    run_id: int | None
    produced_by: Maker | None
    sha256: str
    size: int
    created_at: str
    reason: str | None = None


class TaggedArtifact(Artifact):
    tags: dict[str, JsonValue]


class ArtifactPage(Shape):
    items: list[Artifact]
    next: int | None


class Metric(Shape):
    run_id: int | None
    node: str
    key: str
    value: float
    step: int | None
    logged_at: str


class Logged(Shape):
    """A parameter or a tag."""

    run_id: int | None
    node: str
    key: str
    value: JsonValue
    logged_at: str


class Retry(Shape):
    run_id: int
    from_node: str | None
    retried_at: str


class RunDetail(Run):
    artifacts: list[Artifact]
    metrics: list[Metric]
    params: list[Logged]
    tags: list[Logged]
    retries: list[Retry]


class MetricKey(Shape):
    key: str
    node: str
    steps: bool
    last: float | None


class Point(Shape):
    x: int
    run_id: int | None
    value: float
    at: str


class Series(Shape):
    key: str
    node: str
    run_id: int | None
    points: list[Point]


class ComparedRun(Shape):
    id: int
    state: str
    started_at: str
    ended_at: str | None
    params: dict[str, JsonValue]
    metrics: dict[str, float]


class LineageTask(Shape):
    id: str
    run_id: int
    node: str | None


class Edge(Shape):
    from_: str = Field(alias="from")
    to: str


class Lineage(Shape):
    """A graph: nodes are `artifact:ID` and the tasks' ids."""

    of: int
    artifacts: list[Artifact]
    tasks: list[LineageTask]
    edges: list[Edge]
    complete: bool


class Preview(Shape):
    id: int
    size: int
    kind: Literal["text", "table", "json", "image", "binary"]
    cut: bool
    text: str | None = None
    columns: list[str] | None = None
    rows: list[list[str]] | None = None


class PanelPart(Shape):
    """A part of a node's panel. A table has columns and rows, facts have values, markdown has text, a plot series."""

    kind: Literal["table", "plot", "markdown", "facts"]
    title: str


class Done(Shape):
    """What came of an action: which pipeline and run, or which nodes it was about."""

    pipeline: str | None = None
    run_id: int | None = None
    artifact_id: int | None = None
    nodes: list[str] | None = None
