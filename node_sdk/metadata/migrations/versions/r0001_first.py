"""The first schema."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _table(name: str, *parts: sa.schema.SchemaItem) -> None:
    key = sa.Column("id", BIG, primary_key=True, autoincrement=True)
    op.create_table(name, key, *parts, sqlite_autoincrement=True)


def _integer(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, BIG, nullable=nullable)


def _real(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Double(), nullable=nullable)


def _text(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _boolean(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def upgrade() -> None:
    _runs_and_tasks()
    _artifacts()
    _logged()
    _table(
        "nodes",
        _text("name"),
        _text("kind"),
        _text("type"),
        _integer("incarnation"),
        _boolean("offers"),
        _integer("last_run_id"),
        _boolean("scanned"),
        sa.UniqueConstraint("name", name="nodes_name"),
    )


def downgrade() -> None:
    for name in ("nodes", "artifact_tags", "tags", "params", "metrics", "artifacts", "tasks", "runs"):
        op.drop_table(name)


def _runs_and_tasks() -> None:
    _table(
        "runs",
        _text("state"),
        _text("trigger"),
        _text("token", nullable=True),
        _real("started_at"),
        _real("ended_at", nullable=True),
        sa.UniqueConstraint("token", name="runs_token"),
        sa.CheckConstraint("state IN ('running', 'succeeded', 'failed', 'cancelled')", name="runs_state"),
        sa.CheckConstraint("(state = 'running') = (ended_at IS NULL)", name="runs_ended"),
    )
    op.create_index("runs_by_state", "runs", ["state", "id"])
    states = "'pending', 'executing', 'succeeded', 'failed', 'error', 'skipped', 'cancelled'"
    _table(
        "tasks",
        _integer("run_id"),
        _text("node"),
        _text("state"),
        _integer("attempts"),
        _integer("crashes"),
        _integer("incarnation", nullable=True),
        _real("started_at", nullable=True),
        _real("ended_at", nullable=True),
        _text("error", nullable=True),
        sa.UniqueConstraint("run_id", "node", name="tasks_run_node"),
        sa.CheckConstraint(f"state IN ({states})", name="tasks_state"),
        sa.CheckConstraint("(state IN ('pending', 'executing')) = (ended_at IS NULL)", name="tasks_ended"),
    )


def _artifacts() -> None:
    _table(
        "artifacts",
        _text("resource"),
        _text("location"),
        _integer("version"),
        _boolean("latest"),
        _text("state"),
        _integer("run_id", nullable=True),
        _integer("made_by_run", nullable=True),
        _text("made_by_node", nullable=True),
        _text("sha256"),
        _integer("size"),
        _integer("mtime_ns"),
        _boolean("published"),
        _text("staging", nullable=True),
        _real("created_at"),
        sa.UniqueConstraint("resource", "location", "version", name="artifacts_version"),
        sa.CheckConstraint("state IN ('new', 'current', 'old', 'failed')", name="artifacts_state"),
        sa.CheckConstraint(
            "(state <> 'new' OR run_id IS NULL) AND (state <> 'current' OR run_id IS NOT NULL)",
            name="artifacts_owner",
        ),
    )
    op.create_index("artifacts_by_state", "artifacts", ["resource", "state", "id"])
    op.create_index("artifacts_by_run", "artifacts", ["run_id"])
    op.create_index("artifacts_by_maker", "artifacts", ["made_by_run", "made_by_node"])
    op.create_index("artifacts_unpublished", "artifacts", ["published", "made_by_node"])
    _unique_among("artifacts_latest", sa.column("latest") == sa.true())
    _unique_among("artifacts_new", sa.text("state = 'new'"))


def _unique_among(name: str, rows: sa.ColumnElement[bool] | sa.TextClause) -> None:
    partial = op.get_bind().dialect.name in ("sqlite", "postgresql")
    op.create_index(
        name, "artifacts", ["resource", "location"], unique=partial, sqlite_where=rows, postgresql_where=rows
    )


def _logged() -> None:
    _table(
        "metrics",
        _integer("run_id"),
        _text("node"),
        _integer("attempt"),
        _integer("n"),
        _text("key"),
        _real("value"),
        _integer("step", nullable=True),
        _real("logged_at"),
        sa.UniqueConstraint("run_id", "node", "attempt", "n", "key", name="metrics_logged_once"),
    )
    for name in ("params", "tags"):
        _table(
            name,
            _integer("run_id"),
            _text("node"),
            _text("key"),
            _text("value"),
            _real("logged_at"),
            sa.UniqueConstraint("run_id", "node", "key", name=f"{name}_key"),
        )
    _table(
        "artifact_tags",
        _integer("artifact_id"),
        _text("key"),
        _text("value"),
        sa.UniqueConstraint("artifact_id", "key", name="artifact_tags_key"),
    )
