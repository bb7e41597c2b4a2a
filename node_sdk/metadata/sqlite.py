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
_LONGEST_PATH, _LONGEST_NAME = 504, 247  # bytes: SQLite's own limit, and the system's, less "-journal"
_REMOVED = "its file was removed or replaced while it was in use"


class SqliteMetadataStore(SqlMetadataStore):
    """Keeps runs in the SQLite file of `uri`: `sqlite:////absolute/path.db`, or `sqlite:///relative/path.db`, which is
    taken from the working directory when the store is made.

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
        super().__init__(name, _absolute(uri), loggers)
        if synchronous not in ("FULL", "NORMAL"):
            raise InvalidPipeline(f"cannot use synchronous={synchronous!r} in {name!r}: it is 'FULL' or 'NORMAL'")
        self.synchronous = synchronous
        self._lock: FileLock | None = None
        self._file: tuple[int, int] | None = None  # device and inode of what this process has written to

    def is_there(self) -> bool:
        """Whether the file is there."""
        name = self.uri.removeprefix(_PREFIX)
        return name == self.uri or Path(name).exists()

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
            if read_only:
                return connect_sqlite(path, self.uri, read_only=True, synchronous=self.synchronous)
            if self._file is not None and not path.exists():
                raise self._removed()  # a new one would be an empty history, which nobody asked for
            self._file = None
            database = connect_sqlite(
                path,
                self.uri,
                read_only=False,
                synchronous=self.synchronous,
                still_there=lambda: self._check_file(path),
            )
            self._file = _file_at(path)
            return database
        except BaseException:
            self.close()
            raise

    def _check_file(self, path: Path) -> None:
        """SQLite goes on writing to a file that no longer has a name: what it commits there is lost."""
        if self._file != _file_at(path):
            raise self._removed()

    def _removed(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"cannot use the metadata store at {self.uri}: {_REMOVED}; put it back, "
            "or remove the pipeline and start it again to begin with no history",
            f"{_REMOVED}; put it back",
        )

    def _checked_path(self, read_only: bool) -> Path:
        """The file of `uri`, when it can be one; what SQLite says of the rest ("unable to open") helps nobody."""
        name = self.uri.removeprefix(_PREFIX)
        if name == self.uri or name in ("", ":memory:"):
            raise self._cannot(f"its uri is {_PREFIX}PATH, for a file that outlives the process")
        path = Path(name).absolute()
        if len(os.fsencode(os.path.realpath(path))) > _LONGEST_PATH or len(os.fsencode(path.name)) > _LONGEST_NAME:
            raise self._cannot(
                f"its path is too long: SQLite takes {_LONGEST_PATH} bytes in all, {_LONGEST_NAME} in the file's name"
            )
        if path.is_dir():
            raise self._cannot("it is a directory; name a file in it")
        if not path.parent.is_dir():
            raise self._cannot(f"there is no directory {path.parent}; create it first")
        if not path.exists() and read_only:
            raise self._cannot("there is no such file")
        if not read_only and os.statvfs(path.parent).f_flag & os.ST_RDONLY:
            raise self._cannot(f"the file system of {path.parent} is read-only; mount it for writing")
        if not os.access(path.parent, os.X_OK | (0 if read_only else os.W_OK)):
            raise self._cannot(f"user {os.geteuid()} may not write in the directory {path.parent}")
        if path.exists() and not os.access(path, os.R_OK | (0 if read_only else os.W_OK)):
            raise self._cannot(f"user {os.geteuid()} may not {'read' if read_only else 'write'} the file")
        return path

    def _cannot(self, why: str) -> StoreUnavailable:
        return StoreUnavailable(f"cannot open the metadata store at {self.uri}: {why}")


def _absolute(uri: str) -> str:
    """Where it is, also for those who read it elsewhere; what is no such uri is refused later, in words."""
    name = uri.removeprefix(_PREFIX) if isinstance(uri, str) else ""
    return uri if name in ("", uri, ":memory:") else f"{_PREFIX}{Path(name).absolute()}"


def _file_at(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - after each commit, and Path.stat takes longer
    except OSError:
        return None
    return status.st_dev, status.st_ino
