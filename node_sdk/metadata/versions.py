"""Which revision of the schema a database holds, and how it comes to ours.

A fresh database gets all tables at once; one that an older release made is brought up to date by Alembic, which is
imported only then.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from node_sdk.errors import StoreBroken, StoreUnavailable
from node_sdk.metadata.schema import REVISION
from node_sdk.metadata.statements import metadata_for

_MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION = sa.Table("alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))


def ensure(engine: sa.Engine, shown: str, read_only: bool) -> None:
    """Make the database hold our schema; StoreUnavailable where it holds something else, or a newer one."""
    with engine.begin() as connection:
        found = set(sa.inspect(connection).get_table_names())
        ours = metadata_for(engine.dialect.name)
        if _VERSION.name not in found:
            if read_only:
                raise StoreUnavailable(f"cannot read the metadata store at {shown}: it holds no runs yet")
            taken = sorted(found & set(ours.tables))
            if taken:
                raise StoreBroken(
                    f"cannot use {shown} as metadata store: it has tables of something else "
                    f"({', '.join(taken)}); give the store a database, or a schema, of its own"
                )
            ours.create_all(connection)
            _VERSION.create(connection)
            connection.execute(_VERSION.insert().values(version_num=REVISION))
            return
        revision = connection.execute(sa.select(_VERSION.c.version_num)).scalar()
        if revision != REVISION:
            _migrate(connection, revision, shown, read_only)


def _migrate(connection: sa.Connection, revision: str | None, shown: str, read_only: bool) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise StoreBroken(
            f"cannot use the metadata store at {shown}: its schema {revision!r} is newer than this release, "
            f"which knows up to {REVISION!r}; install the release that made it"
        )
    if read_only:
        raise StoreUnavailable(
            f"cannot read the metadata store at {shown}: its schema {revision!r} is older than {REVISION!r}; "
            "start the pipeline once to bring it up to date"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, REVISION)
