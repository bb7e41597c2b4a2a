"""A folder, and a chain of actions that do nothing but stamp: (run, begin of execute(), its end), in nanoseconds.

    pipeline.py FOLDER LENGTH [concurrent=1] [metrics=0] [enough=1] [renew=0]

The last action rings: one byte into FOLDER/bell, so that whoever measures waits without polling. `concurrent`: runs at
most at once. `metrics`: the first action logs so many. `enough`: so many new files start a run. With `renew=1` the last
action starts the next run, without waiting for it, until the moment that FOLDER/until holds.
"""

from __future__ import annotations

import mmap
import os
import sys
import uuid
from pathlib import Path
from time import monotonic_ns

from node_sdk import BaseActionNode, Pipeline
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FilesystemStoreNode
from node_sdk.wire.store import StartRun

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.chain.stamps import Stamps

folder, length = Path(sys.argv[1]), int(sys.argv[2])
wanted = {"concurrent": 1, "metrics": 0, "enough": 1, "renew": 0}
wanted.update((name, int(number)) for name, _, number in (word.partition("=") for word in sys.argv[3:]))


class Inbox(FilesystemStoreNode):
    def trigger_condition(self) -> bool:
        return self.get_num_artifacts("new") >= wanted["enough"]


class Link(BaseActionNode):
    """One link of the chain."""

    def setup(self) -> None:
        self.stamps = Stamps(folder / f"{self.name}.stamps")
        self.bell = os.open(folder / "bell", os.O_RDWR) if self.name == f"link{length}" else None
        self.metrics = wanted["metrics"] if self.name == "link1" else 0

    def execute(self, *args: object, **kwargs: object) -> bool:
        began = monotonic_ns()
        for number in range(self.metrics):
            store.log_metrics(step=number, loss=0.5)
        self.stamps.add(self.run_id, began, monotonic_ns())
        if self.bell is not None:
            os.write(self.bell, b"!")
        return True


class Renewing(Link):
    """The last link, where runs follow one another without files."""

    def setup(self) -> None:
        super().setup()
        with (folder / "until").open("rb") as file:
            self.until = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)

    def execute(self, *args: object, **kwargs: object) -> bool:
        if monotonic_ns() < int.from_bytes(self.until[:8], "little"):
            store.bound("start a run").store.tell(StartRun(uuid.uuid4().hex))
        return super().execute()


store = SqliteMetadataStore("store", f"sqlite:///{folder}/metadata.db")
inbox = Inbox("inbox", folder / "inbox", store)
links: list[Link] = []
for number in range(1, length + 1):
    kind = Renewing if wanted["renew"] and number == length else Link
    links.append(kind(f"link{number}", [links[-1] if links else inbox]))
pipeline = Pipeline([store, inbox, *links], name="chain", max_concurrent_runs=wanted["concurrent"])
