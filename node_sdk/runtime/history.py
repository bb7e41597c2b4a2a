"""A note that the metadata store of a pipeline has a history. It lies with the pipeline's files, not with the database:
a database that is missing (its disk is not mounted, say, or somebody removed it) is then not replaced by an empty one.

The note says where, so that a pipeline that is given another database begins there. Losing it loses only this check.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from node_sdk.errors import StoreUnavailable
from node_sdk.own_files import open_own


def is_noted(note: Path, uri: str) -> bool:
    """Whether the database at `uri` had a history."""
    try:
        return note.read_text("utf-8").strip() == uri
    except (OSError, ValueError):
        return False


def keep(note: Path, uri: str) -> None:
    """Note that the database at `uri` has one."""
    if not is_noted(note, uri):
        with contextlib.suppress(OSError):  # a full disk is no reason not to work
            fresh = note.with_name(note.name + ".new")
            with open(open_own(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "w", encoding="utf-8") as file:  # noqa: PTH123
                file.write(uri + "\n")
            fresh.replace(note)


def missing(note: Path, uri: str) -> StoreUnavailable:
    """What to say where it is gone."""
    return StoreUnavailable(
        f"cannot open the metadata store at {uri}: its history is gone: this pipeline had runs there. Put the database "
        f"back (is its disk mounted?); or, to begin with no history, remove {note}",
        "its history is gone",
    )
