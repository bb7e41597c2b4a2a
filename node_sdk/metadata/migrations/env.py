"""Alembic's entry: runs the revisions on the connection that `node_sdk.metadata.versions` gives it."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
