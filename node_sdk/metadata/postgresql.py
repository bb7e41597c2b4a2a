"""Opens a store's one connection to PostgreSQL: in a schema of its own, durable, and with the lease of that schema.

The lease is an advisory lock held by the very connection that writes: whoever has lost it has lost the means to write,
and nobody else gets it before the server has ended that connection. So two daemons never own one pipeline.

Imports psycopg; imported when such a store is opened.
"""

from __future__ import annotations

import logging
import os
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import errors, sql
from psycopg.types.string import StrDumper
from sqlalchemy.pool import StaticPool

from node_sdk.errors import StoreBroken, StoreUnavailable
from node_sdk.metadata import versions
from node_sdk.metadata.database import Database
from node_sdk.metadata.faults import unavailable

_LOG = logging.getLogger("anacostia.store")
_LONGEST_NAME = 63  # bytes of an identifier
_LEASES = int.from_bytes(b"anac", "big") << 32  # the keys of our advisory locks: this, and the number of the schema
_DURABLE = ("on", "local", "remote_write", "remote_apply")

# Seconds. A peer that vanished without a word is given up by either side within half a minute.
_ARGUMENTS = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
}
_SESSION = (
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; "
    "SET lock_timeout = '1s'; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; "
    # Theirs may end the connection of a pipeline that waits for work, and its lease with it.
    "SET idle_session_timeout = 0"
)
_HOLDER = """
SELECT a.pid, a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.database = a.datid
AND a.datname = current_database() AND (l.classid::bigint << 32 | l.objid::bigint) = %s
"""


class _Text(StrDumper):
    """PostgreSQL's text holds every character but NUL, which an action's error may well contain."""

    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "\N{SYMBOL FOR NULL}"))


def connect_postgresql(url: sa.URL, shown: str, *, read_only: bool) -> Database:
    """The tables in the schema that `?schema=` of `url` names, else where this user's tables go by themselves."""
    schema = _schema_of(url, shown)
    plain = url.difference_update_query(["schema"])
    dialect = plain.get_dialect()()
    if dialect.driver != "psycopg":
        raise StoreUnavailable(f"cannot open the metadata store at {shown}: its driver is psycopg (postgresql+psycopg)")
    connection = _connected(dict(dialect.create_connect_args(plain)[1]), shown)
    engine = sa.create_engine(plain, poolclass=StaticPool, pool_reset_on_return=None, creator=lambda: connection)
    # The driver begins no transaction by itself, so that a question alone costs one round trip.
    sa.event.listen(engine, "begin", lambda begun: begun.exec_driver_sql("BEGIN") and None)
    try:
        _prepare(connection, schema, shown, read_only)
        versions.ensure(engine, shown, read_only)
        return Database(engine, shown, begin="BEGIN")
    except (psycopg.Error, sa.exc.SQLAlchemyError) as error:
        connection.close()
        raise unavailable("open", shown, getattr(error, "orig", None) or error) from error
    except BaseException:
        connection.close()
        raise


def _schema_of(url: sa.URL, shown: str) -> str | None:
    schema = url.query.get("schema")
    if schema is None:
        return None
    if not isinstance(schema, str) or not 0 < len(schema.encode()) <= _LONGEST_NAME or schema.startswith("pg_"):
        raise StoreUnavailable(
            f"cannot open the metadata store at {shown}: ?schema= takes one name of at most {_LONGEST_NAME} bytes "
            "that does not begin with pg_"
        )
    return schema


def _connected(arguments: dict[str, Any], shown: str) -> psycopg.Connection[Any]:
    name = f"anacostia store, process {os.getpid()} on {os.uname().nodename}"
    given = {**_ARGUMENTS, "application_name": name[:_LONGEST_NAME], **arguments, "client_encoding": "utf8"}
    try:
        connection: psycopg.Connection[Any] = psycopg.connect(**given, autocommit=True)
    except psycopg.Error as error:
        raise _refused(error, shown) from error
    connection.adapters.register_dumper(str, _Text)
    return connection


def _refused(error: psycopg.Error, shown: str) -> StoreUnavailable:
    """What the server says, and the way out where it is known. (A refusal to connect carries no code to go by.)"""
    refused = unavailable("open", shown, error)
    for words, way_out in (
        ("password authentication failed", "check user and password in its uri, or PGPASSWORD, or ~/.pgpass"),
        ("no password supplied", "give one in its uri, in PGPASSWORD or in ~/.pgpass"),
        ('" does not exist', "create it on the server (createdb, createuser); the tables make themselves"),
        ("too many", "let the server take more connections, or end some: a pipeline needs one"),
    ):
        if words in refused.cause:
            return StoreUnavailable(f"{refused}; {way_out}", refused.cause)
    return refused


def _prepare(connection: psycopg.Connection[Any], schema: str | None, shown: str, read_only: bool) -> None:
    """Make the session ours."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise StoreBroken(
            f"cannot open the metadata store at {shown}: the database keeps its text as {encoding}, which has not "
            "every file's name; make one with ENCODING 'UTF8'"
        )
    _set_session(connection)
    if schema is not None:
        _enter(connection, schema, read_only)
    if read_only:
        connection.execute("SET default_transaction_read_only = on")
    else:
        _take_lease(connection, shown)
        _set_durable(connection)


def _set_session(connection: psycopg.Connection[Any]) -> None:
    session = _SESSION if connection.info.server_version >= 140_000 else _SESSION.rpartition(";")[0]
    connection.execute(session)


def _enter(connection: psycopg.Connection[Any], schema: str, read_only: bool) -> None:
    name = sql.Identifier(schema)
    known = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,)).fetchone()
    if known is None and not read_only:
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
    connection.execute(sql.SQL("SET search_path TO {}").format(name))


def _take_lease(connection: psycopg.Connection[Any], shown: str) -> None:
    found = connection.execute("SELECT oid, nspname FROM pg_namespace WHERE nspname = current_schema()").fetchone()
    if found is None:
        raise StoreUnavailable(
            f"cannot open the metadata store at {shown}: no schema of this database takes the tables of this user; "
            "name one in its uri: ?schema=NAME"
        )
    key = _LEASES | found[0]
    try:
        # Waits for as long as lock_timeout says: the connection of a process that was just killed may not be over yet.
        connection.execute("SELECT pg_advisory_lock(%s)", (key,))
    except errors.LockNotAvailable as error:
        raise _taken(connection, key, found[1], shown) from error


def _taken(connection: psycopg.Connection[Any], key: int, schema: str, shown: str) -> StoreUnavailable:
    holder = connection.execute(_HOLDER, (key,)).fetchone()
    who = "another store" if holder is None else f"{holder[1] or 'another store'!r} (server process {holder[0]})"
    cause = f"its schema {schema!r} is in use by {who}"
    return StoreUnavailable(
        f"cannot open the metadata store at {shown}: {cause}; stop that pipeline, or give this one a schema of its "
        "own: ?schema=NAME",
        cause,
    )


def _set_durable(connection: psycopg.Connection[Any]) -> None:
    """Each commit waits for the server's disk, also where the server or this user is set to be faster.

    Also the transactions that need not last: nobody counts on those after a power failure of our machine, which takes
    all our processes; but a server can die alone, and then it must not have forgotten what they were told.
    """
    if _shown(connection, "synchronous_commit") not in _DURABLE:
        connection.execute("SET synchronous_commit = on")
    if _shown(connection, "fsync") != "on":
        _LOG.warning("the server of the metadata store has fsync off: a power cut may take back, or damage, any run")


def _shown(connection: psycopg.Connection[Any], name: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
    assert row is not None
    return str(row[0])
