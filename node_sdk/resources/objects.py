"""Objects of an object store as artifacts: listed, compared with what is recorded, read as they were recorded.

The bytes never leave the store, but for a task that reads or writes them. What is recorded is the name, which bytes
they are (ETag and version), size, and a mark of the listing, so that a look asks only for what differs.
"""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import io
import json
import os
import re
import shutil
import tempfile
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Literal, cast

from node_sdk.errors import ArtifactNotFound, InvalidPipeline, InvalidValue, ResourceUnavailable
from node_sdk.nodes.base import Loggers
from node_sdk.nodes.paging import select_all
from node_sdk.nodes.resource import running_task
from node_sdk.resources import locations
from node_sdk.resources.listing import Listed
from node_sdk.resources.places import Place, Replaced
from node_sdk.resources.polled import PolledResourceNode
from node_sdk.resources.polling import Polling
from node_sdk.wire.store import ArtifactState, Found, Output

if TYPE_CHECKING:
    from node_sdk.nodes.store import BaseMetadataStoreNode
    from node_sdk.triggers import Trigger

OWN_FOLDER = ".anacostia"  # in a resource's prefix: ours, never an artifact
WATCHED_BY = f"{OWN_FOLDER}/watched-by"
IGNORE = (".*", "*.tmp", "*.part", "*~")


class ObjectStoreNode(PolledResourceNode):
    """Base of FsspecStoreNode and S3StoreNode, which say what `place` they are in.

    `init_state`, `max_old_samples`, `ignore` and `trigger` as of FilesystemStoreNode. `exclusive`: only one pipeline
    may watch this prefix; a second one says whose it is, and waits. `scratch`: a local folder for outputs that are
    being written (default: that of tempfile).
    """

    def __init__(
        self,
        name: str,
        resource_path: str,
        metadata_store: BaseMetadataStoreNode,
        init_state: Literal["new", "old"] = "new",
        max_old_samples: int | None = None,
        loggers: Loggers = None,
        monitoring: bool = True,
        *,
        ignore: Iterable[str] = IGNORE,
        exclusive: bool = True,
        scratch: str | os.PathLike[str] | None = None,
        polling: Polling | None = None,
        trigger: Trigger | None = None,
    ) -> None:
        path = resource_path.rstrip("/")
        super().__init__(name, path, metadata_store, loggers, monitoring, polling=polling, trigger=trigger)
        if init_state not in ("new", "old"):
            raise InvalidPipeline(f"cannot use init_state={init_state!r} for {name!r}: it is 'new' or 'old'")
        if max_old_samples is not None and max_old_samples < 0:
            raise InvalidPipeline(f"cannot use max_old_samples={max_old_samples!r} for {name!r}: 0 or more, or None")
        self.init_state: ArtifactState = init_state
        self.max_old_samples = max_old_samples
        self.exclusive = exclusive
        self.ignore = (OWN_FOLDER, *ignore)
        self.scratch = None if scratch is None else os.fspath(scratch)
        self._ignored = re.compile("|".join(map(fnmatch.translate, self.ignore))).match
        self._is_ours = not exclusive
        self._staging: set[int] = set()  # runs for which this process has something there
        self._opened: tuple[int, Place] | None = None

    @abstractmethod
    def open_place(self) -> Place:
        """The place that this resource is; called once in each process that uses it."""

    @property
    def place(self) -> Place:
        """The place, opened in this process: connections do not survive a fork."""
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = (os.getpid(), self.open_place())
        return self._opened[1]

    # ---- watching

    def poll(self) -> None:
        """Look through the whole prefix; what of it has not changed is not asked for."""
        with self._reopening():
            self._look_through()

    def _look_through(self) -> None:
        self._claim()
        waiting = self.waiting()  # before the listing: what comes meanwhile is not missing in it
        state = self.init_state if self.init_state != "new" and self.is_first_look() else "new"

        def listing() -> Iterator[list[Listed]]:
            for page in self.place.pages():
                seen = [each for each in page if not self.hides(each.location)]
                waiting.difference_update(each.location for each in seen)
                yield seen

        self.record_listing(listing(), self._describe, state)
        self.forget(waiting)
        self.first_look_is_done()

    @contextmanager
    def _reopening(self) -> Iterator[None]:
        """After trouble the place is opened anew: credentials may be others by then."""
        try:
            yield
        except ResourceUnavailable:
            self._opened = None
            raise

    def hides(self, name: str) -> bool:
        """Whether a part of this name is ignored."""
        return any(self._ignored(part) for part in name.split("/"))

    def _describe(self, listed: Listed, known: dict[str, Any] | None) -> Found | None:
        identity = None
        if known is not None and known["made_by_run"] is not None and not known["mtime_ns"]:
            identity = self.place.digest(listed)  # an output of ours that is seen for the first time is no news
        if known is None or identity != known["sha256"]:
            identity = self.place.identify(listed)
        return None if identity is None else Found(listed.location, identity, listed.size, listed.mark)

    def _claim(self) -> None:
        """See that no other pipeline watches this prefix, and have others see that this one does."""
        binding = self.bound("watch a resource")
        if self._is_ours or not binding.store_id:
            return
        mine = {"store": binding.store_id, "node": self.name, "pipeline": binding.pipeline}
        try:
            found = self._owner(self.place.claim(WATCHED_BY, json.dumps(mine)))
        except PermissionError:
            self.log(f"others cannot be told that {self.resource_path} is watched: it may not be written to", "WARNING")
            found = mine
        if (found.get("store"), found.get("node")) != (mine["store"], mine["node"]):
            raise ResourceUnavailable(
                f"cannot watch {self.resource_path} with resource {self.name!r}: node {found.get('node')!r} of "
                f"pipeline {found.get('pipeline')!r} does; give each a prefix of its own, or exclusive=False where "
                f"both are to see everything, or remove {WATCHED_BY} where that pipeline is no more"
            )
        self._is_ours = True

    def _owner(self, text: str) -> dict[str, Any]:
        with contextlib.suppress(ValueError):
            found = json.loads(text)
            if isinstance(found, dict):
                return found
        raise ResourceUnavailable(
            f"cannot watch {self.resource_path} with resource {self.name!r}: what stands at {WATCHED_BY} is not ours, "
            f"or something else answers in the store's place: {text[:80]!r}"
        )

    # ---- the artifacts

    def load_artifact(self, location: str) -> str:
        """The text (UTF-8) of an artifact. ArtifactNotFound where the object is gone."""
        with self.open_artifact(location, "r") as file:
            text: str = file.read()
            return text

    def open_artifact(self, location: str, mode: Literal["r", "rb"] = "rb") -> IO[Any]:
        """The open object of an artifact, streamed, as bytes (`rb`) or text (`r`, UTF-8); close it, or use `with`.

        The bytes are those that were recorded. ArtifactNotFound where they are gone, or were replaced;
        ResourceUnavailable where the store cannot be reached.
        """
        name = locations.check_inside(self.to_location(location), self.name)
        try:
            raw = self.place.open(name, self.claimed_identity(name))
        except FileNotFoundError as error:
            raise ArtifactNotFound(
                f"cannot read artifact {location!r} of resource {self.name!r}: the object is gone; it was there when "
                "it was recorded. Objects must stay until their run has ended"
            ) from error
        except Replaced as error:
            raise ArtifactNotFound(
                f"cannot read artifact {location!r} of resource {self.name!r}: it was replaced after it was recorded; "
                "what is there now is an artifact of its own. A store with versions keeps both"
            ) from error
        return cast(IO[Any], io.TextIOWrapper(raw, encoding="utf-8") if mode == "r" else raw)

    @contextmanager
    def save_artifact(self, location: str) -> Iterator[Path]:
        """Write an output artifact of the task in progress: yields the path of a local file to write to.

            with models.save_artifact("model.pkl") as path:
                path.write_bytes(...)

        At the end of the block it is uploaded to a staging place; the object appears at `location`, whole, once the
        task has succeeded or failed (not where it raised or crashed). An exception inside the block records nothing.
        NotRunning outside of a task; InvalidValue where `location` leads elsewhere or would be ignored.
        """
        task = running_task(self, "save an artifact")
        name = locations.check_inside(location, self.name)
        if self.hides(name):
            raise InvalidValue(
                f"cannot save artifact {location!r} in resource {self.name!r}: names like {', '.join(self.ignore)} "
                "are ignored there"
            )
        folder = Path(tempfile.mkdtemp(prefix="anacostia-", dir=self.scratch))
        path = folder / Path(name).name
        try:
            yield path
            if not path.is_file():
                raise ArtifactNotFound(
                    f"cannot save artifact {location!r} in resource {self.name!r}: nothing was written to {path}"
                )
            output = self._stage(path, name, f"{self._staged_by(task.run_id, task.node)}{task.attempt}/{name}", task)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        task.outputs = [each for each in task.outputs if (each.resource, each.location) != (self.name, name)]
        task.outputs.append(output)

    def _stage(self, path: Path, name: str, staged: str, task: Any) -> Output:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = os.fstat(file.fileno()).st_size
        if task.run_id not in self._staging:
            self.place.remove(self._staged_by(task.run_id, task.node))  # what attempts have left whose process has died
            self._staging.add(task.run_id)
        self.place.stage(path, staged, digest)
        return Output(self.name, name, staged, digest, size)

    def publish(self, output: Output) -> str:
        try:
            with self._reopening():
                self.place.publish(output.staging, output.location, output.sha256)
        except FileNotFoundError:
            raise ArtifactNotFound(
                f"cannot publish artifact {output.location!r} of resource {self.name!r}: its bytes are neither at "
                f"{self.to_path(output.staging)} nor at {self.to_path(output.location)}"
            ) from None
        return self.to_path(output.location)

    def clear_staging(self, run_id: int, node: str) -> None:
        if run_id not in self._staging:
            return  # most tasks write elsewhere: they are not to wait for this store
        self._staging.discard(run_id)
        try:
            self.place.remove(self._staged_by(run_id, node))
        except ResourceUnavailable as error:
            self.log(f"what attempts have left in staging stays there: {error}", "WARNING")

    # ---- names

    def _staged_by(self, run_id: int, node: str) -> str:
        """Where a task stages its outputs. Others may write to this prefix, and number their runs from 1, too."""
        store = self.bound("stage an output").store_id[:12]
        return f"{OWN_FOLDER}/staging/{store}-{run_id}-{node}/"

    def to_location(self, path: str) -> str:
        """Relative to the prefix."""
        return path.removeprefix(f"{self.resource_path}/")

    def to_path(self, location: str) -> str:
        """The whole URL."""
        return f"{self.resource_path}/{location}"

    def _select(self, state: str) -> list[dict[str, Any]]:
        if state != "old" or self.max_old_samples is None:
            return super()._select(state)
        store, where = self.bound("list artifacts").store, self._where(state)
        return select_all(store, "artifacts", where, descending=True, limit=self.max_old_samples)[::-1]

    def get_num_artifacts(self, state: str = "all") -> int:
        count = super().get_num_artifacts(state)
        limited = state == "old" and self.max_old_samples is not None
        return min(count, self.max_old_samples or 0) if limited else count


def buffered(raw: io.RawIOBase) -> BinaryIO:
    """`raw` with a buffer that is worth a request."""
    return cast(BinaryIO, io.BufferedReader(raw, 1024 * 1024))
