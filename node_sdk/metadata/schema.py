"""The tables of a metadata store, declared once, as plain data: what exists, and what may exist only once.

Every store builds its tables from this, the ledger decides on top of it, and reading is checked against it. Nothing
here knows SQL beyond the text of a check, and nothing imports a database library. A change here needs a new REVISION
and a migration (`migrations/versions`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

REVISION = "0003"

Row = dict[str, Any]
ColumnKind = Literal["integer", "real", "text", "boolean"]

RUN_STATES = ("running", "succeeded", "failed", "cancelled")
TASK_STATES = ("pending", "executing", "succeeded", "failed", "error", "skipped", "cancelled")
ARTIFACT_STATES = ("new", "current", "old", "failed")


@dataclass(frozen=True, slots=True)
class Column:
    """One column. Booleans are stored as the database stores them, and are `bool` in every row."""

    name: str
    kind: ColumnKind
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Unique:
    """`columns` together may exist once; with `when`, among the rows where that column has that value."""

    name: str
    columns: tuple[str, ...]
    when: tuple[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """What holds for each row: as text for a database, as a function for a store that has none."""

    name: str
    sql: str
    holds: Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Index:
    """What the run loop looks for; with it nothing on that path grows with the size of the table."""

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Every table has also an integer `id`, its key, given by the store and never given twice."""

    name: str
    columns: tuple[Column, ...]
    uniques: tuple[Unique, ...] = ()
    checks: tuple[Check, ...] = ()
    indexes: tuple[Index, ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        return ("id", *(column.name for column in self.columns))

    @property
    def booleans(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.kind == "boolean")


def _one_of(table: str, column: str, allowed: tuple[str, ...]) -> Check:
    listed = ", ".join(f"'{each}'" for each in allowed)
    return Check(f"{table}_{column}", f"{column} IN ({listed})", lambda row: row[column] in allowed)


def _integer(name: str, nullable: bool = False) -> Column:
    return Column(name, "integer", nullable)


def _real(name: str, nullable: bool = False) -> Column:
    return Column(name, "real", nullable)


def _text(name: str, nullable: bool = False) -> Column:
    return Column(name, "text", nullable)


def _boolean(name: str) -> Column:
    return Column(name, "boolean")


RUNS = Table(
    name="runs",
    columns=(
        _text("state"),
        _text("trigger"),
        _text("token", nullable=True),  # the wish that a run by hand fulfils
        _real("started_at"),
        _real("ended_at", nullable=True),
    ),
    uniques=(Unique("runs_token", ("token",)),),
    checks=(
        _one_of("runs", "state", RUN_STATES),
        Check(
            "runs_ended",
            "(state = 'running') = (ended_at IS NULL)",
            lambda row: (row["state"] == "running") == (row["ended_at"] is None),
        ),
    ),
    indexes=(Index("runs_by_state", ("state", "id")),),
)

TASKS = Table(
    name="tasks",
    columns=(
        _integer("run_id"),
        _text("node"),
        _text("state"),
        _integer("attempts"),  # begun so far
        _integer("crashes"),  # how often its process died in it, since the run began or was last retried by hand
        _integer("incarnation", nullable=True),  # the one that executes it, or did
        _real("started_at", nullable=True),
        _real("ended_at", nullable=True),
        _text("error", nullable=True),  # while it is tried again: of the attempt before
        _integer("failures"),  # attempts that ended failed or error, counted as crashes are
        _real("retry_at", nullable=True),  # pending, and not to begin before
        _real("retry_wait", nullable=True),  # how long that was when it was said: a bound for a clock that jumps
    ),
    uniques=(Unique("tasks_run_node", ("run_id", "node")),),
    checks=(
        _one_of("tasks", "state", TASK_STATES),
        Check(
            "tasks_ended",
            "(state IN ('pending', 'executing')) = (ended_at IS NULL)",
            lambda row: (row["state"] in ("pending", "executing")) == (row["ended_at"] is None),
        ),
    ),
)

ARTIFACTS = Table(
    name="artifacts",
    columns=(
        _text("resource"),
        _text("location"),
        _integer("version"),  # of its location; negative: its bytes never came there, so it is none
        _boolean("latest"),  # the highest version of its location
        _text("state"),
        _integer("run_id", nullable=True),  # the run that owns it (law 4)
        _integer("made_by_run", nullable=True),
        _text("made_by_node", nullable=True),
        _text("sha256"),
        _integer("size"),
        _integer("mtime_ns"),
        _boolean("published"),  # its bytes stand at their final place (law 5), or are lost and it is failed
        _text("staging", nullable=True),
        _real("created_at"),
        _text("reason", nullable=True),  # why it is failed
    ),
    uniques=(
        Unique("artifacts_version", ("resource", "location", "version")),
        Unique("artifacts_latest", ("resource", "location"), when=("latest", True)),
        # One file is claimed once, however often it changed before the claim.
        Unique("artifacts_new", ("resource", "location"), when=("state", "new")),
    ),
    checks=(
        _one_of("artifacts", "state", ARTIFACT_STATES),
        # Law 4: what is new belongs to no run; what is current belongs to exactly one.
        Check(
            "artifacts_owner",
            "(state <> 'new' OR run_id IS NULL) AND (state <> 'current' OR run_id IS NOT NULL)",
            lambda row: (
                (row["state"] != "new" or row["run_id"] is None)
                and (row["state"] != "current" or row["run_id"] is not None)
            ),
        ),
    ),
    indexes=(
        Index("artifacts_by_state", ("resource", "state", "id")),
        Index("artifacts_by_run", ("run_id",)),
        Index("artifacts_by_maker", ("made_by_run", "made_by_node")),
        # In this order: nearly all are published, and a claim that begins there looks at all that ever was.
        Index("artifacts_unpublished", ("made_by_node", "published")),
    ),
)

METRICS = Table(
    name="metrics",
    columns=(
        _integer("run_id"),  # 0: logged outside of any run
        _text("node"),
        _integer("attempt"),  # the incarnation, where outside of any run
        _integer("n"),
        _text("key"),
        _real("value"),
        _integer("step", nullable=True),
        _real("logged_at"),
    ),
    uniques=(Unique("metrics_logged_once", ("run_id", "node", "attempt", "n", "key")),),
)


def _task_values(name: str) -> Table:
    return Table(
        name=name,
        columns=(_integer("run_id"), _text("node"), _text("key"), _text("value"), _real("logged_at")),
        uniques=(Unique(f"{name}_key", ("run_id", "node", "key")),),
    )


PARAMS = _task_values("params")
TAGS = _task_values("tags")

ARTIFACT_TAGS = Table(
    name="artifact_tags",
    columns=(_integer("artifact_id"), _text("key"), _text("value")),
    uniques=(Unique("artifact_tags_key", ("artifact_id", "key")),),
)

NODES = Table(
    name="nodes",
    columns=(
        _text("name"),
        _text("kind"),
        _text("type"),
        _integer("incarnation"),  # that said hello last; 0: none has (law 3)
        _boolean("offers"),
        _integer("last_run_id"),  # that claimed from this resource; 0: none has
        _boolean("scanned"),  # what was there at the very first start has been recorded
    ),
    uniques=(Unique("nodes_name", ("name",)),),
)

RETRIES = Table(
    name="retries",  # by hand
    columns=(
        _integer("run_id"),
        _text("from_node", nullable=True),
        _text("token"),  # the wish it fulfils
        _real("retried_at"),
    ),
    uniques=(Unique("retries_token", ("token",)),),
    indexes=(Index("retries_by_run", ("run_id",)),),
)

IDENTITY = Table(
    name="identity",  # one row: whose runs these are
    columns=(
        _integer("number"),
        _text("pipeline"),
        _text("store_id"),  # random: no other database has it, whatever its runs are called
    ),
    uniques=(Unique("identity_number", ("number",)),),
    checks=(Check("identity_one", "number = 1", lambda row: row["number"] == 1),),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (RUNS, TASKS, ARTIFACTS, METRICS, PARAMS, TAGS, ARTIFACT_TAGS, NODES, RETRIES, IDENTITY)
}
