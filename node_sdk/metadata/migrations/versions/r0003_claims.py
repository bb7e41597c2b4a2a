"""A claim costs the same however many artifacts there ever were."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("artifacts_unpublished", "artifacts")
    op.create_index("artifacts_unpublished", "artifacts", ["made_by_node", "published"])


def downgrade() -> None:
    op.drop_index("artifacts_unpublished", "artifacts")
    op.create_index("artifacts_unpublished", "artifacts", ["published", "made_by_node"])
