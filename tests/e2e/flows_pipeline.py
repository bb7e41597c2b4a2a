"""A diamond whose actions do what files tell them:  flows_pipeline.py FOLDER NAME SETTINGS

    metadata_store ──┬─► inbox ──► first ──┬─► left ──┬─► both (all_success)
                     └─► models            └─► right ─┼─► any (one_success)
                                                      └─► last (all_done)

SETTINGS is JSON: attributes of actions by name, and "runs", the most at once. What node N does in attempt A of run R is
the text of FOLDER/do-N-R-A, or of do-N-R, or of do-N; without any it succeeds. The hooks of every node leave lines in
FOLDER/hooks.log.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from pathlib import Path

from node_sdk import BaseActionNode, BaseNode, Pipeline, RestartPolicy
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FilesystemStoreNode

folder, name = Path(sys.argv[1]).resolve(), sys.argv[2]
settings = json.loads(sys.argv[3])


def note(text: str) -> None:
    with (folder / "hooks.log").open("a") as log:
        log.write(f"{text}\n")


class Step(BaseActionNode):
    restart = RestartPolicy(max_restarts=None, backoff_initial=0)
    stop_timeout = 1.0

    def __init__(self, name: str, predecessors: list[BaseNode]) -> None:
        super().__init__(name, predecessors)
        for key, value in settings.get(name, {}).items():
            setattr(self, key, value)

    def execute(self, *args: object, **kwargs: object) -> bool:
        self._hook(f"execute {time.monotonic():.3f} {os.getpid()}")
        metadata_store.log_metrics(attempt=self.attempt)
        with models.save_artifact(f"{self.name}.txt") as path:
            path.write_text(f"run {self.run_id}, attempt {self.attempt}\n")
        deed = self._deed()
        if deed == "fail":
            return False
        if deed == "raise":
            raise ValueError("no good")
        if deed == "exit":
            os._exit(3)
        if deed == "poison" and any("poison" in Path(each).name for each in inbox.list_artifacts("current")):
            os._exit(3)
        if deed == "sleep":
            time.sleep(1000)
        if deed == "ask":
            while True:  # nearly always in the midst of the SDK
                metadata_store.get_runs(limit=1)
        if deed == "stubborn":
            while True:
                try:
                    time.sleep(1000)
                except BaseException as error:
                    self._hook(f"swallowed {type(error).__name__}")
        if deed == "swallow":
            try:
                time.sleep(1000)
            except Exception as error:
                self._hook(f"swallowed {type(error).__name__}")
        if deed == "deep":
            hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)  # minutes of C code that has let go of the GIL
        if deed == "wait":
            while not (folder / f"go-{self.name}-{self.run_id}").exists():
                time.sleep(0.01)
        return True

    def _deed(self) -> str:
        for key in (f"{self.run_id}-{self.attempt}", f"{self.run_id}"):
            if (folder / f"do-{self.name}-{key}").exists():
                return (folder / f"do-{self.name}-{key}").read_text()
        file = folder / f"do-{self.name}"
        return file.read_text() if file.exists() else ""

    def _hook(self, text: str) -> None:
        note(f"{self.name} {self.run_id} {self.attempt} {text}")
        broken = folder / f"broken-{self.name}"
        if broken.exists() and text.split()[0] in broken.read_text().split():
            raise RuntimeError(f"{text.split()[0]} is broken")

    def before_execution(self) -> None:
        self._hook("before_execution")

    def after_execution(self) -> None:
        self._hook("after_execution")

    def on_success(self) -> None:
        self._hook("on_success")

    def on_failure(self) -> None:
        self._hook("on_failure")

    def on_error(self, e: BaseException) -> None:
        self._hook(f"on_error {type(e).__name__}")


metadata_store = SqliteMetadataStore("metadata_store", f"sqlite:///{folder}/metadata.db")
inbox = FilesystemStoreNode("inbox", f"{folder}/inbox", metadata_store)
models = FilesystemStoreNode("models", f"{folder}/models", metadata_store, monitoring=False)
first = Step("first", [inbox, models])
nodes: list[BaseNode] = [metadata_store, inbox, models, first]
if settings.get("diamond", True):
    left, right = Step("left", [first]), Step("right", [first])
    both, any_, last = Step("both", [left, right]), Step("any", [left, right]), Step("last", [left, right])
    any_.trigger_rule, last.trigger_rule = "one_success", "all_done"
    nodes += [left, right, both, any_, last]
else:
    nodes.append(Step("last", [first]))
pipeline = Pipeline(nodes, name=name, max_concurrent_runs=settings.get("runs", 1))
