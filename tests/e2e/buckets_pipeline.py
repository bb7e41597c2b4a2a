"""Objects of a bucket in, objects of it out: `buckets_pipeline.py NAME BUCKET FOLDER`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from node_sdk import BaseActionNode, Pipeline
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import Polling, S3StoreNode

name, bucket, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
often = Polling(interval=0.2, backoff_initial=0.1, backoff_max=0.3)
store = SqliteMetadataStore("metadata_store", f"sqlite:///{folder}/{name}.db")
data = S3StoreNode("data", f"s3://{bucket}/in", store, polling=often)
models = S3StoreNode("models", f"s3://{bucket}/out-{name}", store, monitoring=False, polling=often)


class Join(BaseActionNode):
    """Joins what the run has claimed; waits while there is a file `hold`."""

    def execute(self, *args: Any, **kwargs: Any) -> bool:
        found = data.list_artifacts("current")
        with models.save_artifact(f"{self.run_id}.txt") as path:
            path.write_text("".join(data.load_artifact(each) for each in found))
        while (folder / "hold").exists():
            time.sleep(0.02)
        store.log_metrics(joined=len(found))
        return True

    @property
    def run_id(self) -> int:
        run_id: int = self.bound("name an output").task.run_id  # type: ignore[union-attr]
        return run_id


pipeline = Pipeline([store, data, models, Join("join", [data])], name=name)
