"""How a database of an older release is brought to the schema of this one (Alembic)."""
