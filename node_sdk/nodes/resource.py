"""Resources: nodes that keep artifacts. The bytes stay in the resource; the metadata store knows their states."""

from __future__ import annotations

import dataclasses
import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from node_sdk.errors import ArtifactNotFound, InvalidPipeline, InvalidValue, NotRunning
from node_sdk.graph import NodeSpec
from node_sdk.nodes.base import BaseNode, Loggers, Panel
from node_sdk.nodes.paging import select_all
from node_sdk.panels import Facts, Table
from node_sdk.triggers import Trigger
from node_sdk.wire.store import Count, Found, Output, RecordArtifacts, Select, TagArtifact

if TYPE_CHECKING:
    from node_sdk.nodes.store import BaseMetadataStoreNode

_BEYOND = 2**53  # every id: with an end, a store reads along the ids
STATES = ("new", "current", "old", "failed")


class BaseResourceNode(BaseNode):
    """Derive from this for a place that keeps artifacts; FilesystemStoreNode is the one for folders.

    With `monitoring`, what appears in the resource starts runs: `start_monitoring` begins to watch, `record_new`
    tells of each artifact, `trigger_condition` says whether there is enough; `trigger` (see node_sdk.triggers) says so
    without a class of your own. Without `monitoring`, it keeps what runs make.
    """

    kind = "resource"

    def __init__(
        self,
        name: str,
        resource_path: str,
        metadata_store: BaseMetadataStoreNode,
        loggers: Loggers = None,
        monitoring: bool = True,
        *,
        trigger: Trigger | None = None,
    ) -> None:
        super().__init__(name, [metadata_store], loggers)
        if trigger is not None and not isinstance(trigger, Trigger):
            raise InvalidPipeline(
                f"cannot use trigger={trigger!r} for {name!r}: it is made with the functions of node_sdk.triggers"
            )
        self.resource_path = str(resource_path)
        self.metadata_store = metadata_store
        self.monitoring = monitoring
        self.trigger = trigger
        self._ask_again_at: float | None = None

    # ---- watching, in the resource's own process

    def start_monitoring(self) -> None:
        """Begin to watch. Either give `watched_fd`, or call `record_new` from a thread of your own."""

    def stop_monitoring(self) -> None:
        """End watching."""

    def watched_fd(self) -> int | None:
        """A descriptor that is readable when the resource has changed; the main loop waits on it and calls `look`.
        Asked before each wait: it may be another after each look."""
        return None

    def look(self) -> None:
        """Record what has changed; called when `watched_fd` is readable, and at `look_at`."""

    def look_at(self) -> float | None:
        """When the main loop is to call `look` in any case, in seconds since the epoch; None: never. Not while the node
        is paused."""
        return None

    def panel(self) -> Panel:
        """How many artifacts are in each state, and the newest ones."""
        states = Facts({state: self.get_num_artifacts(state) for state in STATES}, "Artifacts by state")
        where = {"resource": self.name}
        rows = self.bound("read artifacts").store.ask(Select("artifacts", where, True, 20, _BEYOND))
        shown = [(row["location"], row["state"], row["size"], row["run_id"]) for row in rows]
        return [states, Table(("location", "state", "bytes", "run"), shown, "The newest")]

    def trouble(self) -> str | None:
        """What the resource cannot do now, and why, in one line for `status`; None where all is well. Asked after each
        look."""
        return None

    def trigger_condition(self) -> bool:
        """Whether there is enough to start a run; asked after each change, and when a run has begun or ended.

        By default what `trigger` says, and where there is none: one new artifact.
        """
        return self.get_num_artifacts("new") >= 1 if self.trigger is None else self.holds(self.trigger)

    def holds(self, trigger: Trigger) -> bool:
        """Whether `trigger` holds now: for a `trigger_condition` of your own, which is asked again in its time."""
        found = trigger.look(self, time.time())
        known = [at for at in (self._ask_again_at, found.until) if at is not None]
        self._ask_again_at = min(known, default=None)
        return found.holds is True

    def ask_again_at(self) -> float | None:
        """When `trigger_condition` may change by time alone, in seconds since the epoch; the main loop takes it."""
        at, self._ask_again_at = self._ask_again_at, None
        return at

    def record_new(self, location: str, sha256: str = "", size: int = 0, mtime_ns: int = 0) -> int | None:
        """Record an artifact that is there and complete; its id, or None where it is known already.

        `size` in bytes; `sha256` of its bytes in hex, or any text that changes when they do.
        """
        return self._record(Found(self.to_location(location), sha256, size, mtime_ns), "new")

    def record_current(self, location: str, sha256: str = "", size: int = 0, mtime_ns: int = 0) -> int | None:
        """Record an artifact that belongs to the run in progress; its id, or None where it is known already."""
        return self._record(Found(self.to_location(location), sha256, size, mtime_ns), "current")

    def _record(self, found: Found, state: Any) -> int | None:
        binding = self.bound("record an artifact")
        ids: list[int | None] = binding.store.ask(RecordArtifacts(self.name, (found,), state))
        binding.wake()
        return ids[0]

    # ---- asking, in any process of the pipeline

    def list_artifacts(self, state: str = "all") -> list[str]:
        """Where the artifacts in `state` are: new, current, old, failed, or all.

        While a task is executed, `current` means the artifacts of that task's run, also when other runs are under way.
        """
        return [self.to_path(row["location"]) for row in self._select(state)]

    def get_artifact(self, id: int) -> dict[str, Any]:
        """All that is known of artifact `id`; ArtifactNotFound where there is none."""
        rows: list[dict[str, Any]] = self.bound("read an artifact").store.ask(
            Select("artifacts", {"resource": self.name, "id": id})
        )
        if not rows:
            raise ArtifactNotFound(f"cannot get artifact {id} of resource {self.name!r}: no such artifact")
        return rows[0]

    def get_num_artifacts(self, state: str = "all") -> int:
        """How many artifacts are in `state`; `all` counts every one."""
        where = self._where(state)
        count: int = self.bound("count artifacts").store.ask(Count("artifacts", where))
        return count

    def tag_artifact(self, artifact: int | str, **tags: Any) -> None:
        """Put tags on an artifact, given by its id or by its location (its latest version); the last value of a tag
        wins. ArtifactNotFound where nothing is recorded there: an output is, once its task has completed."""
        self.bound("tag an artifact").store.ask(TagArtifact(self._id(artifact), tags))

    def _id(self, artifact: int | str) -> int:
        if isinstance(artifact, int):
            return artifact
        where = {"resource": self.name, "location": self.to_location(artifact), "latest": True}
        rows: list[dict[str, Any]] = self.bound("find an artifact").store.ask(Select("artifacts", where))
        if not rows:
            raise ArtifactNotFound(
                f"cannot find artifact {artifact!r} of resource {self.name!r}: nothing is recorded there"
            )
        found: int = rows[0]["id"]
        return found

    def load_artifact(self, location: str) -> Any:
        """The content of an artifact; how, the class of the resource says."""
        raise NotImplementedError(f"resource {self.name!r}: {type(self).__name__} does not override load_artifact()")

    def save_artifact(self, location: str) -> AbstractContextManager[Any]:
        """A place to write an artifact of the task in progress; how, the class of the resource says."""
        raise NotImplementedError(f"resource {self.name!r}: {type(self).__name__} does not override save_artifact()")

    # ---- for classes of resources

    def publish(self, output: Output) -> Any:
        """Bring what `save_artifact` staged to its place (law 5), in the process of the action that made it. Done
        before is as good: recovery repeats it.

        ArtifactNotFound where the bytes are lost; ResourceUnavailable where waiting may help: it is tried again.
        """
        raise ArtifactNotFound(f"cannot publish {output.location!r}: {type(self).__name__} does not override publish()")

    def clear_staging(self, run_id: int, node: str) -> None:
        """Remove what attempts of this task have left in staging, once its outputs are published."""

    def clear_all_staging(self, node: str) -> None:
        """Remove whatever `node` has in staging; called as its process begins, when nothing waits to be published."""

    def to_location(self, path: str) -> str:
        """What the store calls the artifact at `path`. By default the same text."""
        return path

    def to_path(self, location: str) -> str:
        """What users call the artifact that the store calls `location`. By default the same text."""
        return location

    def spec(self) -> NodeSpec:
        return dataclasses.replace(
            super().spec(),
            monitoring=self.monitoring,
            resource_path=self.resource_path,
            starts_on_new=self._has_default_trigger(),
        )

    def _has_default_trigger(self) -> bool:
        """Whether the store can tell by itself when the trigger condition holds, without a question to this node."""
        ours = type(self).get_num_artifacts.__module__.startswith("node_sdk.")
        return ours and self.trigger is None and type(self).trigger_condition is BaseResourceNode.trigger_condition

    def _select(self, state: str) -> list[dict[str, Any]]:
        return select_all(self.bound("list artifacts").store, "artifacts", self._where(state))

    def _where(self, state: str) -> dict[str, Any]:
        where: dict[str, Any] = {"resource": self.name}
        if state == "all":
            return where
        if state not in STATES:
            raise InvalidValue(f"cannot look for artifacts in state {state!r}: it is one of {', '.join(STATES)} or all")
        where["state"] = state
        task = self._binding.task if self._binding else None
        if state == "current" and task is not None:
            where["run_id"] = task.run_id
        return where


def running_task(node: BaseNode, wish: str) -> Any:
    """The task in progress; NotRunning with words about `wish` where there is none."""
    task = node.bound(wish).task
    if task is None:
        raise NotRunning(f"cannot {wish} in {node.name!r}: only an action's task makes artifacts, inside execute()")
    return task
