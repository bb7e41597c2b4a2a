"""The pipeline whose job takes as long as a test wants:  gated_pipeline.py FOLDER [HEARTBEAT_TIMEOUT]

    metadata_store ──┬─► inbox ──► job ──► after
                     └─► models

Attempt A of run R leaves the line "R A pid" in FOLDER/attempts.log and waits for the file FOLDER/go-R-A. Three hours or
a moment: to everybody else it is the same.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path

from node_sdk import BaseActionNode, BaseNode, Pipeline, RestartPolicy
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FilesystemStoreNode

folder = Path(sys.argv[1]).resolve()


class Job(BaseActionNode):
    restart = RestartPolicy(max_restarts=None, backoff_initial=0)
    stop_timeout = 1.0
    heartbeat_timeout = float(sys.argv[2]) if len(sys.argv) > 2 else 30.0

    def __init__(self, name: str, predecessors: list[BaseNode]) -> None:
        super().__init__(name, predecessors)

    def execute(self, *args: object, **kwargs: object) -> bool:
        with (folder / "attempts.log").open("a") as log:
            log.write(f"{self.run_id} {self.attempt} {os.getpid()}\n")
        metadata_store.log_metrics(attempt=self.attempt)
        with models.save_artifact("model.txt") as path:
            path.write_text(f"of run {self.run_id}, attempt {self.attempt}\n")
        while not (folder / f"go-{self.run_id}-{self.attempt}").exists():
            select.poll().poll(10)  # not time.sleep(): libfaketime breaks it
        return True


class After(BaseActionNode):
    """Waits before its second restart; with a file FOLDER/stubborn it does not end when it is asked to."""

    restart = RestartPolicy(max_restarts=None, backoff_initial=1.0, jitter=0.0)
    stop_timeout = 1.0

    def setup(self) -> None:
        if (folder / "stubborn").exists():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def execute(self, *args: object, **kwargs: object) -> bool:
        return True


metadata_store = SqliteMetadataStore("metadata_store", f"sqlite:///{folder}/metadata.db")
inbox = FilesystemStoreNode("inbox", folder / "inbox", metadata_store)
models = FilesystemStoreNode("models", folder / "models", metadata_store, monitoring=False)
job = Job("job", [inbox, models])
pipeline = Pipeline([metadata_store, inbox, models, job, After("after", [job])], name="gated")
