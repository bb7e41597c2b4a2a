"""A resource that cannot be watched, so it is polled: one deadline (law 8), an interval while all is well, backoff with
words in `status` while it is not. What a poll does, the class of the resource says.
"""

from __future__ import annotations

import logging
import random
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from node_sdk.errors import InvalidPipeline, ResourceUnavailable
from node_sdk.metadata.artifacts import MAX_LOCATION
from node_sdk.nodes.base import Loggers
from node_sdk.nodes.paging import pages
from node_sdk.nodes.resource import BaseResourceNode
from node_sdk.resources.listing import Listed, differing
from node_sdk.resources.polling import Polling
from node_sdk.wire.store import ArtifactState, ForgetArtifacts, Found, RecordArtifacts, Select

if TYPE_CHECKING:
    from node_sdk.nodes.store import BaseMetadataStoreNode
    from node_sdk.triggers import Trigger

BATCH = 500  # artifacts recorded or forgotten in one request
MOST_SAID = 100  # names that a process complains of
_LOG = logging.getLogger("anacostia.node")


class PolledResourceNode(BaseResourceNode):
    """Derive from this for a resource that nobody tells of changes: override `poll`.

    A poll that raises has recorded what it recorded before; the next one, after a pause, begins anew. `polling`: how
    often, see node_sdk.resources.Polling.
    """

    def __init__(
        self,
        name: str,
        resource_path: str,
        metadata_store: BaseMetadataStoreNode,
        loggers: Loggers = None,
        monitoring: bool = True,
        *,
        polling: Polling | None = None,
        trigger: Trigger | None = None,
    ) -> None:
        super().__init__(name, resource_path, metadata_store, loggers, monitoring, trigger=trigger)
        if polling is not None and not isinstance(polling, Polling):
            raise InvalidPipeline(f"cannot use polling={polling!r} for {name!r}: write polling=Polling(interval=…)")
        self.polling = polling or Polling()
        self._unnameable: set[str] = set()
        self._failures = 0
        self._trouble: str | None = None
        self._last_look = 0.0
        self._due: float | None = None  # on the monotonic clock: no setting of the other one delays a look

    @abstractmethod
    def poll(self) -> None:
        """Record what has changed. ResourceUnavailable, with words, where that cannot be found out now."""

    # ---- the main loop

    def start_monitoring(self) -> None:
        self.look()

    def stop_monitoring(self) -> None:
        self._due = None

    def look(self) -> None:
        asked = None
        try:
            self.poll()
        except ResourceUnavailable as error:
            asked = error.retry_after
            self._failed(str(error))
        except Exception as error:  # noqa: BLE001  (a driver's, of which we know nothing: it must not end the node)
            if type(error).__name__ not in (self._trouble or ""):
                _LOG.exception("a look at %s failed", self.name)
            self._failed(f"cannot look at resource {self.name!r}: {type(error).__name__}: {error}")
        else:
            self._succeeded()
        wait = self.polling.wait(self._failures, random.random(), asked)
        self._last_look = time.monotonic()
        self._due = self._last_look + wait

    def look_at(self) -> float | None:
        if self._due is None:
            return None
        return time.time() + max(self._due - time.monotonic(), 0.0)

    def look_soon(self) -> None:
        """The next look is due now."""
        self._due = time.monotonic()

    def trouble(self) -> str | None:
        return self._trouble

    def _failed(self, words: str) -> None:
        self._failures += 1
        words = " ".join(words.split())
        if words != self._trouble:
            self.log(f"{words}; looking again until it can", "ERROR")
        self._trouble = words

    def _succeeded(self) -> None:
        if self._trouble is not None:
            self.log(f"could look at {self.resource_path} again, after {self._failures} in vain", "INFO")
        self._failures, self._trouble = 0, None

    # ---- for classes of polled resources

    def record_listing(
        self,
        listing: Iterable[Sequence[Listed]],
        describe: Callable[[Listed, dict[str, Any] | None], Found | None],
        state: ArtifactState = "new",
    ) -> None:
        """Record what is news in `listing`, which is never held whole. `describe` looks closely at an entry that
        differs from what is known of its location: None where it is gone again."""
        store = self.bound("record artifacts").store
        for page in listing:
            known = self._known(page)
            news = differing(self.nameable(page), known)
            found = (describe(each, known.get(each.location)) for each in news)
            batch = tuple(each for each in found if each is not None)
            if batch:
                # Told, not asked: the store writes while the next page is fetched. Found again, should power fail.
                store.tell(RecordArtifacts(self.name, batch, state, lasting=False))

    def waiting(self) -> set[str]:
        """The locations of all that is new and in its place."""
        store = self.bound("look for artifacts").store
        where = {"resource": self.name, "state": "new", "published": True}
        return {row["location"] for page in pages(store, "artifacts", where) for row in page}

    def forget(self, gone: Iterable[str]) -> None:
        """These are gone: what of them is still new is not offered any longer."""
        store, rest = self.bound("forget artifacts").store, list(gone)
        for start in range(0, len(rest), BATCH):
            store.tell(ForgetArtifacts(self.name, tuple(rest[start : start + BATCH])))

    def is_first_look(self) -> bool:
        """Whether no look has ever been finished (`first_look_is_done`)."""
        (row,) = self.bound("look through a resource").store.ask(Select("nodes", {"name": self.name}))
        return not row["scanned"]

    def first_look_is_done(self) -> None:
        """From here on `init_state` has no say."""
        self.bound("look through a resource").store.ask(RecordArtifacts(self.name, (), first_scan=True))

    def claimed_identity(self, name: str) -> str:
        """Which bytes the task in progress has claimed under this name, or else its latest version has; empty where
        neither is recorded."""
        if self._binding is None:
            return ""
        store, where = self._binding.store, {"resource": self.name, "location": name}
        rows: list[dict[str, Any]] = []
        if self._binding.task is not None:
            claimed = {"run_id": self._binding.task.run_id, "state": "current"}
            rows = store.ask(Select("artifacts", {**where, **claimed}, descending=True, limit=1))
        rows = rows or store.ask(Select("artifacts", {**where, "latest": True}))
        return str(rows[0]["sha256"]) if rows else ""

    def _known(self, page: Sequence[Listed]) -> dict[str, dict[str, Any]]:
        store, found = self.bound("look through a resource").store, {}
        for start in range(0, len(page), BATCH):
            locations = [each.location for each in page[start : start + BATCH]]
            where = {"resource": self.name, "location": locations, "latest": True}
            found.update({row["location"]: row for row in store.ask(Select("artifacts", where))})
        return found

    def nameable(self, page: Sequence[Listed]) -> Iterator[Listed]:
        """Those of the page whose location can be recorded; of others the log speaks once."""
        for each in page:
            if 0 < len(each.location) <= MAX_LOCATION and "\0" not in each.location:
                yield each
            elif len(self._unnameable) < MOST_SAID and each.location[:80] not in self._unnameable:
                self._unnameable.add(each.location[:80])
                self.log(f"ignored, its name has no 1 to {MAX_LOCATION} characters: {each.location[:80]!r}", "WARNING")
