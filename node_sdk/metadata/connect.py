"""Opens SQL databases: turns a URL into a connection with our tables, or into words that say why not.

Imports SQLAlchemy; imported when a store is opened.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from node_sdk.errors import StoreUnavailable
from node_sdk.metadata import versions
from node_sdk.metadata.database import Database
from node_sdk.metadata.faults import unavailable
from node_sdk.urls import without_secrets

# Seconds that a transaction waits inside SQLite for a checkpoint, or for somebody else who writes. A store that waits
# longer does it outside, where it hears SIGTERM and its heart beats.
BUSY_TIMEOUT = 1.0


def connect(uri: str, read_only: bool) -> Database:
    """The database at `uri`; StoreUnavailable where it cannot be had."""
    shown = without_secrets(uri)
    engine = _engine(uri, shown)
    if engine.dialect.name == "postgresql":
        from node_sdk.metadata.postgresql import connect_postgresql

        return connect_postgresql(engine.url, shown, read_only=read_only)
    return _opened(engine, shown, read_only, begin="BEGIN")


def _engine(uri: str, shown: str) -> sa.Engine:
    try:
        url = sa.make_url(uri)
        _check(url, shown)
        return sa.create_engine(url, poolclass=NullPool)
    except (sa.exc.NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreUnavailable(
            f"cannot open the metadata store at {shown}: its driver is not installed here ({error}){_way_out(url)}"
        ) from error
    except sa.exc.ArgumentError:
        # The text may be a password that stands where none belongs, so it is not repeated here.
        raise StoreUnavailable(
            "cannot open the metadata store: its uri is no database URL (dialect://user:password@host/name)"
        ) from None


def _check(url: sa.URL, shown: str) -> None:
    """SQLAlchemy knows more kinds; on those nobody has seen that the laws hold."""
    if url.get_backend_name() not in ("postgresql", "sqlite"):
        raise StoreUnavailable(
            f"cannot open the metadata store at {shown}: {url.get_backend_name()!r} is no database it can use; "
            "those are postgresql+psycopg://user@host/name and sqlite:////absolute/path.db"
        )
    if "@" in (url.host or ""):
        # What stands before it belongs to a password, so the host is not named.
        raise StoreUnavailable(
            f"cannot open the metadata store at {shown}: the password in its uri has an @ in it; write that as %40"
        )


def _way_out(url: sa.URL) -> str:
    if url.drivername in ("postgresql", "postgresql+psycopg"):
        return "; pip install 'anacostia-daemon[postgresql]'"
    return "; use postgresql+psycopg://"


def connect_sqlite(
    path: Path, shown: str, *, read_only: bool, synchronous: str, still_there: Callable[[], None] | None = None
) -> Database:
    """The SQLite file at `path`, with a write-ahead log, so that reading and writing do not wait for each other."""
    # Even for reading the file is opened for writing where that is allowed: a reader may have to recover the log.
    address = f"file:{quote(str(path))}?mode={'rw' if read_only else 'rwc'}"

    def make() -> sqlite3.Connection:
        return sqlite3.connect(
            address,
            uri=True,
            timeout=BUSY_TIMEOUT,
            isolation_level=None,  # transactions begin where we say so, not where the driver guesses
            check_same_thread=False,
        )

    engine = sa.create_engine("sqlite://", creator=make, poolclass=NullPool)
    lasting, brief = f"PRAGMA synchronous = {synchronous}", "PRAGMA synchronous = NORMAL"

    def configure(connection: Any, _: Any) -> None:
        if read_only:
            connection.execute("PRAGMA query_only = ON")
            return
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(lasting)
        # A commit whose fsync failed (EIO) was answered to nobody, yet what it wrote to the log reads as committed from
        # here on, and requests that are repeated would be answered from it. So it goes to the disk first, or we do not.
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"
    sa.event.listen(engine, "connect", configure)
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin) and None)
    return _opened(engine, shown, read_only, begin, still_there, None if read_only else (lasting, brief))


def _opened(
    engine: sa.Engine,
    shown: str,
    read_only: bool,
    begin: str | None,
    still_there: Callable[[], None] | None = None,
    levels: tuple[str, str] | None = None,
) -> Database:
    try:
        versions.ensure(engine, shown, read_only)
        return Database(engine, shown, begin, still_there, levels)
    except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:
        engine.dispose()
        raise unavailable("open", shown, getattr(error, "orig", None) or error) from error
    except BaseException:
        engine.dispose()
        raise
