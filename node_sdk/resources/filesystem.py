"""A folder as a resource: files that are complete become artifacts; outputs appear in it whole.

The bytes never leave the folder. What is recorded is the location (relative to the folder), sha256, size and time of
change, so that a start looks at everything and hashes only what differs.
"""

from __future__ import annotations

import os
import signal
import stat
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, TypeVar

from node_sdk.errors import AnacostiaError, ArtifactNotFound, InvalidPipeline, InvalidValue
from node_sdk.metadata.artifacts import MAX_LOCATION
from node_sdk.nodes.base import Loggers
from node_sdk.nodes.paging import pages, select_all
from node_sdk.nodes.resource import BaseResourceNode, running_task
from node_sdk.resources import inside, locations, staging
from node_sdk.resources.folder import Folder
from node_sdk.wire.store import ArtifactState, Count, ForgetArtifacts, Found, Output, RecordArtifacts, Select

if TYPE_CHECKING:
    from node_sdk.nodes.store import BaseMetadataStoreNode
    from node_sdk.resources.inotify import Changes, FolderWatch
    from node_sdk.resources.observer import ObservedFolder
    from node_sdk.triggers import Trigger

T = TypeVar("T")

BATCH = 500  # artifacts recorded in one request
CLOSING = 0.02  # seconds; far more than the kernel needs between the two halves of closing a file
NOTHING: Mapping[str, bool] = {}
IGNORE = (".*", "*.tmp", "*.part", "*~")


class FilesystemStoreNode(BaseResourceNode):
    """The folder `resource_path` and all folders below it; it is made where it does not exist.

    A file counts once it is complete: closed after writing, or moved in. `init_state="old"`: files that are there at
    the first start are not new. `max_old_samples`: of the `old` artifacts only the newest so many are listed and
    counted (the store remembers the others, so that they are not taken for new ones). `ignore`: patterns of names,
    of files and folders, that do not count. Symbolic links, pipes and devices never count. `trigger`: when
    there is enough for a run, see node_sdk.triggers.
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
        trigger: Trigger | None = None,
    ) -> None:
        path = os.path.abspath(os.fspath(resource_path))  # noqa: PTH100 - symbolic links stay as the user wrote them
        super().__init__(name, path, metadata_store, loggers, monitoring, trigger=trigger)
        if init_state not in ("new", "old"):
            raise InvalidPipeline(f"cannot use init_state={init_state!r} for {name!r}: it is 'new' or 'old'")
        if max_old_samples is not None and max_old_samples < 0:
            raise InvalidPipeline(
                f"cannot use max_old_samples={max_old_samples!r} for {name!r}: it is 0 or more, or None"
            )
        self.init_state: ArtifactState = init_state
        self.max_old_samples = max_old_samples
        self.ignore = (staging.OWN_FOLDER, *ignore)
        self._folder = Folder(path, self.ignore, self._tell_unreadable)
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
        else:
            self._record_changes(changes)

    def scan(self) -> None:
        """Compare the whole folder with what is recorded, and record what differs. Holds a bounded number of files."""
        store = self.bound("look through a folder").store
        (row,) = store.ask(Select("nodes", {"name": self.name}))
        self._forget_missing()
        if row["scanned"] or self.init_state == "new":
            self._record_walk(self.resource_path)
        else:
            self._record_first(self.init_state)
        store.ask(RecordArtifacts(self.name, (), first_scan=True))

    def _record_changes(self, changes: Changes) -> None:
        self._forget(changes.gone)
        for path in changes.gone:
            self._unreadable.pop(path, None)
        for folder in changes.folders:
            if not self._folder.hides(folder):
                self._record_walk(folder)
        self._record_files([path for path in changes.files if not self._folder.hides(path)], "new", changes.files)
        if self._unreadable and changes.permitted:
            again = [path for path in self._unreadable if _within(path, changes.permitted)]
            self._record_files([path for path in again if path not in changes.files], "new")

    def _record_walk(self, top: str) -> None:
        """Record what is in `top` and below and is not known as it is."""
        store = self.bound("look through a folder").store
        unknown = store.ask(Count("artifacts", {"resource": self.name})) == 0
        for batch in batched(self._folder.walk(top), BATCH):
            self._record_files([path for path, _ in batch] if unknown else self._differing(batch), "new")

    def _differing(self, files: Sequence[tuple[str, os.stat_result]]) -> list[str]:
        """Those of the files whose latest version is not recorded with their size and time."""
        store = self.bound("look through a folder").store
        locations = {path: self.to_location(path) for path, _ in files}
        where = {"resource": self.name, "location": list(locations.values()), "latest": True}
        known = {row["location"]: (row["size"], row["mtime_ns"]) for row in store.ask(Select("artifacts", where))}
        return [path for path, status in files if known.get(locations[path]) != (status.st_size, status.st_mtime_ns)]

    def _record_first(self, state: ArtifactState) -> None:
        """Record what was there at the very first start; what has come since the watch was set is new all the same."""
        there = [path for path, _ in self._folder.walk(self.resource_path)]  # all of it: by the end, what came is told
        assert self._watch is not None  # by start_monitoring
        arrived = self._watch.changes(most=None)
        folders = set(arrived.folders)
        self._record_files([each for each in there if each not in arrived.files and not _within(each, folders)], state)
        self._record_changes(arrived)
        if arrived.rescan:
            self._record_walk(self.resource_path)

    def _record_files(self, paths: Sequence[str], state: ArtifactState, closed: Mapping[str, bool] = NOTHING) -> None:
        """Record those that are complete. `closed` says of which this is known."""
        store = self.bound("record artifacts").store
        for batch in batched(self._described(paths, closed), BATCH):
            # Told, not asked: the store writes while the next files are read. What it refuses the next ask raises.
            store.tell(RecordArtifacts(self.name, batch, state, lasting=False))

    def _described(self, paths: Sequence[str], closed: Mapping[str, bool]) -> Iterator[Found]:
        for path in self._complete(paths, closed):
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
                yield Found(location, *described)

    def _tell_unreadable(self, path: str, error: OSError) -> None:
        """Once for each change of it: it is looked at again when its mode or owner changes."""
        try:
            changed = os.lstat(path).st_ctime_ns
        except OSError:  # gone, or in a folder that cannot be entered
            changed = 0
        if self._unreadable.get(path) != changed:
            self._unreadable[path] = changed
            self.log(f"ignored until it can be read ({error.strerror}): {path!r}", "WARNING")

    def _complete(self, paths: Sequence[str], closed: Mapping[str, bool]) -> Iterator[str]:
        """Those that are not being written: for the others the event of their closing comes."""
        doubtful = []
        for path in paths:
            if closed.get(path) or not is_being_written(path):
                yield path
            else:
                doubtful.append(path)
        if doubtful:
            # Linux sends that event shortly before it stops counting the writer. So the event is believed, whatever
            # the lease says; and where none was heard it may have come before we watched: ask again.
            time.sleep(CLOSING)
            yield from (path for path in doubtful if not is_being_written(path))

    def _forget(self, gone: Mapping[str, bool]) -> None:
        """Of what is gone, nothing that is still new is offered any longer; folders (True) take their files along."""
        seen = {path: is_folder for path, is_folder in gone.items() if not self._folder.hides(path)}
        self._forget_locations(self.to_location(path) for path, is_folder in seen.items() if not is_folder)
        folders = {self._folder.relative(path) for path, is_folder in seen.items() if is_folder}
        if folders:
            self._forget_locations(each for each in self._waiting() if _within(locations.to_relative(each), folders))

    def _forget_missing(self) -> None:
        """As `_forget`, where nothing told what is gone."""
        waiting = ((each, self.to_path(each)) for each in self._waiting())
        self._forget_locations(
            each for each, path in waiting if not self._folder.has(path) and not self._folder.hides(path)
        )

    def _waiting(self) -> Iterator[str]:
        """The locations of all that is new, some at a time."""
        store = self.bound("look through a folder").store
        for page in pages(store, "artifacts", {"resource": self.name, "state": "new"}):
            yield from (row["location"] for row in page)

    def _forget_locations(self, gone: Iterable[str]) -> None:
        store = self.bound("forget artifacts").store
        for batch in batched(gone, BATCH):
            store.tell(ForgetArtifacts(self.name, batch))

    # ---- the artifacts

    def load_artifact(self, location: str) -> str:
        """The text (UTF-8) of an artifact. ArtifactNotFound where the file is gone."""
        with self.open_artifact(location, "r") as file:
            text: str = file.read()
            return text

    def open_artifact(self, location: str, mode: Literal["r", "rb"] = "rb") -> IO[Any]:
        """The open file of an artifact, as bytes (`rb`) or text (`r`, UTF-8); close it, or use `with`.

        `location` is a path from `list_artifacts`, or relative to the folder. ArtifactNotFound where it is gone,
        OSError where a link or a pipe has taken its place, InvalidValue where `location` leads out of the folder.
        """
        path = self.to_path(self.to_location(location))
        relative = locations.check_inside(self._folder.relative(path), self.name)

        def through_no_link(_: str, flags: int) -> int:
            return inside.open_file(self.resource_path, relative)

        try:
            return open(path, mode, encoding="utf-8" if mode == "r" else None, opener=through_no_link)
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
        name = locations.check_inside(location, self.name)
        if self._folder.hides(self.to_path(name)):
            raise InvalidValue(
                f"cannot save artifact {location!r} in resource {self.name!r}: names like {', '.join(self.ignore)} "
                "are ignored there"
            )
        folder = Path(self.resource_path)
        path = staging.staging_path(folder, task, name)
        staging.check_place(folder, self.name, name)
        try:
            yield path
            if not path.is_file():
                raise ArtifactNotFound(
                    f"cannot save artifact {location!r} in resource {self.name!r}: nothing was written to {path}"
                )
            staging.check_place(folder, self.name, name)  # again: writing may have taken hours
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        output = staging.seal(folder, self.name, name, path)
        task.outputs = [each for each in task.outputs if (each.resource, each.location) != (self.name, name)]
        task.outputs.append(output)

    def publish(self, output: Output) -> Path:
        return staging.publish(self, output)

    def clear_staging(self, run_id: int, node: str) -> None:
        staging.clear_staging(Path(self.resource_path), run_id, node)

    def clear_all_staging(self, node: str) -> None:
        staging.clear_all_staging(Path(self.resource_path), node)

    def to_location(self, path: str) -> str:
        """Relative to the folder; see node_sdk.resources.locations for names that are no text."""
        if os.path.isabs(path):  # noqa: PTH117 - Path is slow for a hundred thousand files
            return locations.to_location(self._folder.relative(path))
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


def batched(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """`items` in tuples of `size`, the last one shorter."""
    rest = iter(items)
    while batch := tuple(islice(rest, size)):
        yield batch


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
