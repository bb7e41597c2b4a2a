"""A folder as a resource: files that are complete become artifacts; outputs appear in it whole.

The bytes never leave the folder. What is recorded is the location (relative to the folder), sha256, size and time of
change, so that a start looks at everything and hashes only what differs.
"""

from __future__ import annotations

import fnmatch
import os
import signal
import stat
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from node_sdk.errors import AnacostiaError, ArtifactNotFound, InvalidPipeline, InvalidValue
from node_sdk.metadata.artifacts import MAX_LOCATION
from node_sdk.nodes.base import Loggers
from node_sdk.nodes.paging import select_all
from node_sdk.nodes.resource import BaseResourceNode, running_task
from node_sdk.resources import locations, staging
from node_sdk.wire.store import ArtifactState, ForgetArtifacts, Found, RecordArtifacts, Select

if TYPE_CHECKING:
    from node_sdk.nodes.store import BaseMetadataStoreNode
    from node_sdk.resources.inotify import FolderWatch
    from node_sdk.resources.observer import ObservedFolder

BATCH = 500  # artifacts recorded in one request
CLOSING = 0.02  # seconds; far more than the kernel needs between the two halves of closing a file
IGNORE = (".*", "*.tmp", "*.part", "*~")


class FilesystemStoreNode(BaseResourceNode):
    """The folder `resource_path` and all folders below it; it is made where it does not exist.

    A file counts once it is complete: closed after writing, or moved in. `init_state="old"`: files that are there at
    the first start are not new. `max_old_samples`: of the `old` artifacts only the newest so many are listed and
    counted (the store remembers the others, so that they are not taken for new ones). `ignore`: patterns of names,
    of files and folders, that do not count. Symbolic links, pipes and devices never count.
    A file that is written anew with other bytes is a new version, an artifact of its own.
    """

    def __init__(
        self,
        name: str,
        resource_path: str | os.PathLike[str],
        metadata_store: BaseMetadataStoreNode,
        init_state: Literal["new", "old"] = "new",
        max_old_samples: int | None = None,
        loggers: Loggers = None,
        monitoring: bool = True,
        *,
        ignore: Iterable[str] = IGNORE,
    ) -> None:
        path = os.path.abspath(os.fspath(resource_path))  # noqa: PTH100 - symbolic links stay as the user wrote them
        super().__init__(name, path, metadata_store, loggers, monitoring)
        if init_state not in ("new", "old"):
            raise InvalidPipeline(f"cannot use init_state={init_state!r} for {name!r}: it is 'new' or 'old'")
        if max_old_samples is not None and max_old_samples < 0:
            raise InvalidPipeline(
                f"cannot use max_old_samples={max_old_samples!r} for {name!r}: it is 0 or more, or None"
            )
        self.init_state: ArtifactState = init_state
        self.max_old_samples = max_old_samples
        self.ignore = (staging.OWN_FOLDER, *ignore)
        self._watch: FolderWatch | ObservedFolder | None = None
        self._unreadable: dict[str, int] = {}  # path → time of the change (of mode, too) after which this was said

    # ---- watching

    def setup(self) -> None:
        """Make the folder where it is missing, and see that it can be used."""
        folder = Path(self.resource_path)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AnacostiaError(
                f"cannot use folder {self.resource_path!r} for resource {self.name!r}: {error.strerror}; "
                "give another path, or make the folder yourself"
            ) from error
        needed = os.R_OK | os.X_OK | (0 if self.monitoring else os.W_OK)
        if not os.access(folder, needed):
            raise AnacostiaError(
                f"cannot use folder {self.resource_path!r} for resource {self.name!r}: permission denied; "
                f"give the user who runs the daemon access (now: mode {folder.stat().st_mode & 0o777:o})"
            )

    def start_monitoring(self) -> None:
        """Watch the folder, then look at everything in it: so nothing falls between the two."""
        self._watch = _watch(self.resource_path)
        self.scan()

    def stop_monitoring(self) -> None:
        """End watching."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def watched_fd(self) -> int | None:
        return self._watch.fd if self._watch is not None else None

    def look(self) -> None:
        """Record what has changed since the last look."""
        if self._watch is None:
            return
        changes = self._watch.changes()
        if changes.rescan:
            self.log(f"{self.resource_path} is looked through again: it was made anew, or events were lost", "WARNING")
            self.scan()
            return
        self._forget(changes.gone)
        for path in changes.gone:
            self._unreadable.pop(path, None)
        self._record_files(changes.files, "new")
        if self._unreadable and changes.permitted:
            again = [path for path in self._unreadable if _within(path, changes.permitted)]
            self._record_files([path for path in again if path not in changes.files], "new")

    def scan(self) -> None:
        """Compare the whole folder with what is recorded, and record what differs."""
        store = self.bound("look through a folder").store
        (row,) = store.ask(Select("nodes", {"name": self.name}))
        known = self._known()
        there: dict[str, str] = {}
        for path, status in self._walk(self.resource_path):
            there[self.to_location(path)] = path
            if known.get(self.to_location(path)) == (status.st_size, status.st_mtime_ns):
                del there[self.to_location(path)]
                known.pop(self.to_location(path))
        self._forget(self.to_path(location) for location in known if location not in there)
        if row["scanned"] or self.init_state == "new":
            self._record_files(there.values(), "new")
        else:
            self._record_first(there.values(), self.init_state)
        store.ask(RecordArtifacts(self.name, (), first_scan=True))

    def _record_first(self, paths: Iterable[str], state: ArtifactState) -> None:
        """Record what was there at the very first start; what has come since the watch was set is new all the same."""
        arrived = self._watch.changes() if self._watch is not None else None
        if arrived is None:
            self._record_files(paths, state)
            return
        self._record_files([path for path in paths if path not in arrived.files], state)
        self._forget(arrived.gone)
        self._record_files(arrived.files, "new")
        if arrived.rescan:
            self._record_files((path for path, _ in self._walk(self.resource_path)), "new")

    def _known(self) -> dict[str, tuple[int, int]]:
        """Location to (size, mtime_ns) of the latest version of everything recorded."""
        store = self.bound("look through a folder").store
        rows = select_all(store, "artifacts", {"resource": self.name, "latest": True})
        return {row["location"]: (row["size"], row["mtime_ns"]) for row in rows}

    def _walk(self, top: str) -> Iterator[tuple[str, os.stat_result]]:
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            try:
                entries = list(os.scandir(folder))
            except PermissionError as error:
                self._tell_unreadable(folder, error)
                continue
            except OSError:
                continue  # gone again
            for entry in entries:
                if self._ignored(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    try:
                        yield entry.path, entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue

    def _record_files(self, paths: Iterable[str] | Mapping[str, bool], state: ArtifactState) -> None:
        """Record those that are complete. A mapping says of which this is known."""
        binding = self.bound("record artifacts")
        batch: list[Found] = []
        for path in self._complete(paths, paths if isinstance(paths, Mapping) else {}):
            location = self.to_location(path)
            if len(location) > MAX_LOCATION:
                self.log(f"ignored, its path is longer than {MAX_LOCATION} characters: {path!r}", "WARNING")
                continue
            try:
                described = staging.hash_of(path)
            except OSError as error:
                self._tell_unreadable(path, error)
                continue
            self._unreadable.pop(path, None)
            if described is not None:
                batch.append(Found(location, *described))
            if len(batch) == BATCH:
                binding.store.ask(RecordArtifacts(self.name, tuple(batch), state))
                batch = []
        if batch:
            binding.store.ask(RecordArtifacts(self.name, tuple(batch), state))

    def _tell_unreadable(self, path: str, error: OSError) -> None:
        """Once for each change of it: it is looked at again when its mode or owner changes."""
        try:
            changed = os.lstat(path).st_ctime_ns
        except OSError:  # gone, or in a folder that cannot be entered
            changed = 0
        if self._unreadable.get(path) != changed:
            self._unreadable[path] = changed
            self.log(f"ignored until it can be read ({error.strerror}): {path!r}", "WARNING")

    def _complete(self, paths: Iterable[str], closed: Mapping[str, bool]) -> Iterator[str]:
        """Those that count and are not being written: for the others the event of their closing comes."""
        doubtful = []
        for path in paths:
            if self._hidden(path):
                continue
            if closed.get(path) or not is_being_written(path):
                yield path
            else:
                doubtful.append(path)
        if doubtful:
            # Linux sends that event shortly before it stops counting the writer. So the event is believed, whatever
            # the lease says; and where none was heard it may have come before we watched: ask again.
            time.sleep(CLOSING)
            yield from (path for path in doubtful if not is_being_written(path))

    def _forget(self, paths: Iterable[str]) -> None:
        """Of what is gone, nothing that is still new is offered any longer; folders take their files with them."""
        gone = {os.path.relpath(path, self.resource_path) for path in paths if not self._hidden(path)}
        if not gone:
            return
        store = self.bound("forget artifacts").store
        waiting = select_all(store, "artifacts", {"resource": self.name, "state": "new"})
        found = [each["location"] for each in waiting if _within(locations.to_relative(each["location"]), gone)]
        for start in range(0, len(found), BATCH):
            store.ask(ForgetArtifacts(self.name, tuple(found[start : start + BATCH])))

    def _hidden(self, path: str) -> bool:
        relative = os.path.relpath(path, self.resource_path)
        return any(self._ignored(part) for part in relative.split(os.sep))  # noqa: PTH206 - Path is slow

    def _ignored(self, name: str) -> bool:
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self.ignore)

    # ---- the artifacts

    def load_artifact(self, location: str) -> str:
        """The text (UTF-8) of an artifact. ArtifactNotFound where the file is gone."""
        with self.open_artifact(location, "r") as file:
            text: str = file.read()
            return text

    def open_artifact(self, location: str, mode: Literal["r", "rb"] = "rb") -> IO[Any]:
        """The open file of an artifact, as bytes (`rb`) or text (`r`, UTF-8); close it, or use `with`.

        `location` is a path from `list_artifacts`, or relative to the folder. ArtifactNotFound where it is gone.
        """
        path = self.to_path(self.to_location(location))
        try:
            return Path(path).open(mode, encoding="utf-8" if mode == "r" else None)
        except FileNotFoundError as error:
            raise ArtifactNotFound(
                f"cannot read artifact {location!r} of resource {self.name!r}: the file is gone; it was there when it "
                "was recorded. Files must stay in the folder until their run has ended"
            ) from error

    @contextmanager
    def save_artifact(self, location: str) -> Iterator[Path]:
        """Write an output artifact of the task in progress: yields a path to write to.

            with models.save_artifact("model.pkl") as path:
                path.write_bytes(...)

        The file appears at `location` in the folder, whole, once the task has succeeded or failed (not where it
        raised or crashed). An exception inside the block records nothing. NotRunning outside of a task; InvalidValue
        where `location` leads out of the folder, would be ignored, or cannot hold a file (it is a folder, say).
        """
        task = running_task(self, "save an artifact")
        inside = locations.check_inside(location, self.name)
        if self._hidden(self.to_path(inside)):
            raise InvalidValue(
                f"cannot save artifact {location!r} in resource {self.name!r}: names like {', '.join(self.ignore)} "
                "are ignored there"
            )
        folder = Path(self.resource_path)
        path = staging.staging_path(folder, task, inside)
        staging.check_place(folder, self.name, inside)
        try:
            yield path
            if not path.is_file():
                raise ArtifactNotFound(
                    f"cannot save artifact {location!r} in resource {self.name!r}: nothing was written to {path}"
                )
            staging.check_place(folder, self.name, inside)  # again: writing may have taken hours
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        output = staging.seal(folder, self.name, inside, path)
        task.outputs = [each for each in task.outputs if (each.resource, each.location) != (self.name, inside)]
        task.outputs.append(output)

    def to_location(self, path: str) -> str:
        """Relative to the folder; see node_sdk.resources.locations for names that are no text."""
        if os.path.isabs(path):  # noqa: PTH117 - Path is slow for a hundred thousand files
            return locations.to_location(os.path.relpath(path, self.resource_path))
        return path

    def to_path(self, location: str) -> str:
        """Absolute."""
        return os.path.join(self.resource_path, locations.to_relative(location))  # noqa: PTH118

    def _select(self, state: str) -> list[dict[str, Any]]:
        if state != "old" or self.max_old_samples is None:
            return super()._select(state)
        store, where = self.bound("list artifacts").store, self._where(state)
        newest = select_all(store, "artifacts", where, descending=True, limit=self.max_old_samples)
        return newest[::-1]

    def get_num_artifacts(self, state: str = "all") -> int:
        count = super().get_num_artifacts(state)
        if state == "old" and self.max_old_samples is not None:
            return min(count, self.max_old_samples)
        return count


def _within(relative: str, gone: set[str]) -> bool:
    """Whether the path is in `gone`, or one of the folders above it is."""
    return relative in gone or any(
        relative[:position] in gone for position, letter in enumerate(relative) if letter == os.sep
    )


def is_being_written(path: str) -> bool:
    """Whether somebody has the file open for writing now: the kernel grants no read lease then.

    Only where the platform and our rights allow the question; else False, and the event of its closing, which comes
    as well, gives a new version of the artifact.
    """
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return False  # opening a device may do something
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # Who opens the file for writing while we hold the lease makes the kernel tell us: by SIGIO, which would end
        # this process, unless we name a signal that is ignored.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _watch(folder: str) -> FolderWatch | ObservedFolder:
    # imported here: only the process that watches needs it
    if sys.platform == "linux":
        from node_sdk.resources.inotify import FolderWatch

        return FolderWatch(folder)
    from node_sdk.resources.observer import ObservedFolder

    return ObservedFolder(folder)
