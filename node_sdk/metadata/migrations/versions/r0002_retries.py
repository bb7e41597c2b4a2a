"""Tasks are tried again, runs are retried by hand, artifacts say why they are failed, and a store knows whose it is."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("tasks", sa.Column("failures", BIG, nullable=False, server_default="0"))
    op.add_column("tasks", sa.Column("retry_at", sa.Double(), nullable=True))
    op.add_column("tasks", sa.Column("retry_wait", sa.Double(), nullable=True))
    op.add_column("artifacts", sa.Column("reason", sa.Text(), nullable=True))
    op.create_table(
        "retries",
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("run_id", BIG, nullable=False),
        sa.Column("from_node", sa.Text(), nullable=True),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("retried_at", sa.Double(), nullable=False),
        sa.UniqueConstraint("token", name="retries_token"),
        sqlite_autoincrement=True,
    )
    op.create_index("retries_by_run", "retries", ["run_id"])
    op.create_table(
        "identity",
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("number", BIG, nullable=False),
        sa.Column("pipeline", sa.Text(), nullable=False),
        sa.Column("store_id", sa.Text(), nullable=False),
        sa.UniqueConstraint("number", name="identity_number"),
        sa.CheckConstraint("number = 1", name="identity_one"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("identity")
    op.drop_table("retries")
    op.drop_column("artifacts", "reason")
    for name in ("retry_wait", "retry_at", "failures"):
        op.drop_column("tasks", name)
