"""A metadata store in one SQLite file, written by one process at a time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from node_sdk.errors import InvalidPipeline, StoreUnavailable
from node_sdk.metadata.filelock import FileLock
from node_sdk.metadata.sql import SqlMetadataStore
from node_sdk.nodes.base import Loggers

if TYPE_CHECKING:
    from node_sdk.metadata.database import Database

_PREFIX = "sqlite:///"


class SqliteMetadataStore(SqlMetadataStore):
    """Keeps runs in the SQLite file of `uri`: `sqlite:///relative/path.db` or `sqlite:////absolute/path.db`.

    `synchronous="FULL"` (the default) has every answer on the disk before it leaves. `"NORMAL"` is faster and safe
    against the death of any process, but a power cut may take back the last moments: runs then execute again what
    they had done, which is right only for actions that may be done twice.
    """

    def __init__(
        self,
        name: str,
        uri: str,
        loggers: Loggers = None,
        *,
        synchronous: Literal["FULL", "NORMAL"] = "FULL",
    ) -> None:
        super().__init__(name, uri, loggers)
        if synchronous not in ("FULL", "NORMAL"):
            raise InvalidPipeline(f"cannot use synchronous={synchronous!r} in {name!r}: it is 'FULL' or 'NORMAL'")
        self.synchronous = synchronous
        self._lock: FileLock | None = None

    def close(self) -> None:
        """Close the file and let another process have it. Closing twice does nothing."""
        super().close()
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    def _connect(self, read_only: bool) -> Database:
        path = self._checked_path(read_only)
        from node_sdk.metadata.connect import connect_sqlite

        if not read_only:
            self._lock = FileLock(path.with_name(path.name + ".lock"), f"the metadata store {path}")
        try:
            return connect_sqlite(path, self.uri, read_only=read_only, synchronous=self.synchronous)
        except BaseException:
            self.close()
            raise

    def _checked_path(self, read_only: bool) -> Path:
        """The file of `uri`, when it can be one; what SQLite says of the rest ("unable to open") helps nobody."""
        name = self.uri.removeprefix(_PREFIX)
        if name == self.uri or name in ("", ":memory:"):
            raise self._cannot(f"its uri is {_PREFIX}PATH, for a file that outlives the process")
        path = Path(name).absolute()
        if path.is_dir():
            raise self._cannot("it is a directory; name a file in it")
        if not path.parent.is_dir():
            raise self._cannot(f"there is no directory {path.parent}; create it first")
        if not path.exists() and read_only:
            raise self._cannot("there is no such file")
        if not os.access(path.parent, os.X_OK | (0 if read_only else os.W_OK)):
            raise self._cannot(f"user {os.geteuid()} may not write in the directory {path.parent}")
        if path.exists() and not os.access(path, os.R_OK | (0 if read_only else os.W_OK)):
            raise self._cannot(f"user {os.geteuid()} may not {'read' if read_only else 'write'} the file")
        return path

    def _cannot(self, why: str) -> StoreUnavailable:
        return StoreUnavailable(f"cannot open the metadata store at {self.uri}: {why}")
