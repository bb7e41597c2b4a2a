"""The pipeline whose processes are killed:  steady_pipeline.py FOLDER [URI]

    metadata_store ──┬─► inbox ──► work ──► report
                     └─► models

`work` takes a moment, writes an output and leaves a line for each execution in FOLDER/executions.log, as `report` does.
Its store is a file in FOLDER, or the database at URI.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from node_sdk import BaseActionNode, BaseNode, Pipeline, RestartPolicy
from node_sdk.metadata import SqliteMetadataStore, SqlMetadataStore
from node_sdk.nodes.store import BaseMetadataStoreNode
from node_sdk.resources import FilesystemStoreNode

TOUGH = RestartPolicy(max_restarts=None, backoff_initial=0)
folder = Path(sys.argv[1]).resolve()


class Step(BaseActionNode):
    restart = TOUGH
    seconds = 0.0

    def __init__(self, name: str, predecessors: list[BaseNode]) -> None:
        super().__init__(name, predecessors)

    def execute(self, *args: object, **kwargs: object) -> bool:
        with (folder / "executions.log").open("a") as log:
            log.write(f"{self.run_id} {self.name} {self.attempt} {os.getpid()}\n")
        metadata_store.log_metrics(size=sum(len(inbox.load_artifact(each)) for each in inbox.list_artifacts("current")))
        time.sleep(self.seconds)
        metadata_store.log_metrics(attempt=self.attempt)
        return True


class Work(Step):
    seconds = 0.15

    def execute(self, *args: object, **kwargs: object) -> bool:
        done = super().execute()
        with models.save_artifact(f"model-{self.run_id}.txt") as path:
            path.write_text(" ".join(Path(each).name for each in inbox.list_artifacts("current")))
        return done


class Inbox(FilesystemStoreNode):
    restart = TOUGH


class Store(SqliteMetadataStore):
    restart = TOUGH


class Served(SqlMetadataStore):
    restart = TOUGH
    heartbeat_timeout = 2.0  # so that what it does is heard at once


metadata_store: BaseMetadataStoreNode = (
    Served("metadata_store", sys.argv[2])
    if len(sys.argv) > 2
    else Store("metadata_store", f"sqlite:///{folder}/metadata.db")
)
inbox = Inbox("inbox", folder / "inbox", metadata_store)
models = Inbox("models", folder / "models", metadata_store, monitoring=False)
work = Work("work", [inbox, models])
report = Step("report", [work])
pipeline = Pipeline([metadata_store, inbox, models, work, report], name="steady")
