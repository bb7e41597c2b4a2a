"""What a driver's error means, in the four ways that matter to a store: a constraint said no; this one statement was
wrong; the database cannot do its work now; it will not until somebody mends it.

Drivers disagree on their classes, so a server's own code decides where the error carries one.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Literal

from node_sdk.errors import StoreBroken, StoreUnavailable
from node_sdk.urls import without_secrets

Meaning = Literal["conflict", "statement", "unavailable", "broken"]

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
# SQLSTATE classes of PostgreSQL: a value that its column cannot hold (22), or that its index cannot (54).
_OF_ONE_STATEMENT = ("22", "54")
_CONSTRAINT = "23"


def meaning(error: Any, driver: Any) -> Meaning:
    """What `error`, of the DB-API module `driver`, means."""
    state = getattr(error, "sqlstate", None)
    if state:
        return _of_state(state)
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
        return "broken"
    if isinstance(error, driver.IntegrityError):
        return "conflict"
    if isinstance(error, (driver.DataError, driver.ProgrammingError, driver.InterfaceError)):
        return "statement"
    return "unavailable"


def _of_state(state: str) -> Meaning:
    if state.startswith(_CONSTRAINT):
        return "conflict"
    # A table that is gone, a right that was taken away: our statements are the same as before, so it is the database.
    return "statement" if state.startswith(_OF_ONE_STATEMENT) else "unavailable"


def unavailable(doing: str, shown: str, error: Any) -> StoreUnavailable:
    """StoreUnavailable or StoreBroken, in words: waiting may help, or it will not."""
    cause = _in_a_line(error)
    words = f"cannot {doing} the metadata store at {shown}: {cause}"
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
        way_out = "stop the pipeline and put a copy back; to begin anew, remove the pipeline and move the file away"
        return StoreBroken(f"{words}; {way_out}", cause)
    return StoreUnavailable(words, cause)


def _in_a_line(error: Any) -> str:
    """What happened, without the driver's introduction before it and the guesses in the lines after it."""
    said = without_secrets(str(error)).strip().partition("\n")[0]
    for introduction in ("connection failed: ", "connection is bad: ", "consuming input failed: "):
        said = said.removeprefix(introduction)
    return said
