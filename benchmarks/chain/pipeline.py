"""A folder, and a chain of actions that do nothing but stamp: (run, begin of execute(), its end), in nanoseconds.

    pipeline.py FOLDER LENGTH [CONCURRENT [METRICS]]

The last action rings: one byte into FOLDER/bell, so that whoever measures waits without polling. With METRICS, the
first action logs so many. Each file starts a run of its own.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from time import monotonic_ns

from node_sdk import BaseActionNode, Pipeline
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FilesystemStoreNode

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.chain.stamps import Stamps

folder = Path(sys.argv[1])
length = int(sys.argv[2])
concurrent = int(sys.argv[3]) if len(sys.argv) > 3 else 1
metrics = int(sys.argv[4]) if len(sys.argv) > 4 else 0


class Link(BaseActionNode):
    """One link of the chain."""

    def setup(self) -> None:
        self.stamps = Stamps(folder / f"{self.name}.stamps")
        self.bell = os.open(folder / "bell", os.O_RDWR) if self.name == f"link{length}" else None
        self.metrics = metrics if self.name == "link1" else 0

    def execute(self, *args: object, **kwargs: object) -> bool:
        began = monotonic_ns()
        for number in range(self.metrics):
            store.log_metrics(step=number, loss=0.5)
        self.stamps.add(self.run_id, began, monotonic_ns())
        if self.bell is not None:
            os.write(self.bell, b"!")
        return True


store = SqliteMetadataStore("store", f"sqlite:///{folder}/metadata.db")
inbox = FilesystemStoreNode("inbox", folder / "inbox", store)
links: list[Link] = []
for number in range(1, length + 1):
    links.append(Link(f"link{number}", [links[-1] if links else inbox]))
pipeline = Pipeline([store, inbox, *links], name="chain", max_concurrent_runs=concurrent)
