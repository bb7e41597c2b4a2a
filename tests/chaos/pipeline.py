"""The pipeline that chaos is let loose on: seven nodes, fan-out, fan-in, an output resource.

Each execution leaves a line in `executions.log` of the folder given as the first argument, written with one append,
so that what was really executed can be compared with what the store says.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from node_sdk import BaseActionNode, Pipeline, RestartPolicy
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FilesystemStoreNode

WORK = float(os.environ.get("CHAOS_WORK", "0.02"))  # seconds each execution takes
TOUGH = RestartPolicy(max_restarts=None, backoff_initial=0.0)


class Step(BaseActionNode):
    """Counts the bytes of the run's artifacts, slowly enough to be killed in the middle."""

    restart = TOUGH
    heartbeat_timeout = 3.0
    stop_timeout = 5.0

    def __init__(self, name: str, predecessors: list, inbox: FilesystemStoreNode, store: SqliteMetadataStore) -> None:
        super().__init__(name, predecessors)
        self.inbox, self.store = inbox, store

    def execute(self, *args: object, **kwargs: object) -> bool:
        line = f"{self.run_id} {self.name} {self.attempt} {os.getpid()}\n"
        with (root / "executions.log").open("a") as log:
            log.write(line)
        self.store.log_metrics(before=float(self.run_id))
        time.sleep(WORK)
        size = sum(len(self.inbox.load_artifact(each)) for each in self.inbox.list_artifacts("current"))
        self.store.log_metrics(size=float(size))
        self.store.log_params(node=self.name)
        return True


class Join(Step):
    """Writes one output artifact per run."""

    def __init__(self, name: str, predecessors: list, inbox, store, models: FilesystemStoreNode) -> None:
        super().__init__(name, predecessors, inbox, store)
        self.models = models

    def execute(self, *args: object, **kwargs: object) -> bool:
        done = super().execute()
        with self.models.save_artifact(f"model-{self.run_id}.txt") as path:
            path.write_text("".join(sorted(Path(each).name for each in self.inbox.list_artifacts("current"))))
        return done


class Tough(FilesystemStoreNode):
    restart = TOUGH
    heartbeat_timeout = 3.0


class ToughStore(SqliteMetadataStore):
    restart = TOUGH
    heartbeat_timeout = 3.0


root = Path(sys.argv[1])
store = ToughStore("store", f"sqlite:///{root}/metadata.db")
inbox = Tough("inbox", str(root / "inbox"), store)
models = Tough("models", str(root / "models"), store, monitoring=False)
prepare = Step("prepare", [inbox], inbox, store)
left = Step("left", [prepare], inbox, store)
right = Step("right", [prepare], inbox, store)
join = Join("join", [left, right], inbox, store, models)
concurrent = int(os.environ.get("CHAOS_RUNS", "1"))
# kill -9 from outside is not the artifact's fault: no run is given up for it
pipeline = Pipeline(
    [store, inbox, models, prepare, left, right, join], name="chaos", max_crashes=10**6, max_concurrent_runs=concurrent
)
