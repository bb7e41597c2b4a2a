"""The pipelines that the sweep crashes, a shape for each scenario: `FILE -- FOLDER SHAPE`. Crash points are set here.

Each execution leaves a line "run node attempt pid" in `executions.log`. Each process of a node holds a lock for its
life; one that finds it held by another process of its node says so in `doubled.log` (law 7).
"""

from __future__ import annotations

import fcntl
import os
import select
import sys
from pathlib import Path

import points as crash_points

from node_sdk import BaseActionNode, Pipeline, RestartPolicy
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FilesystemStoreNode

TOUGH = RestartPolicy(max_restarts=None, backoff_initial=0.0)
root, shape = Path(sys.argv[1]), sys.argv[2]
points = crash_points.Points(root.parent, "loader")
crash_points.in_nodes(points)


class Alone:
    """Notices a second living process of its node."""

    name: str
    restart = TOUGH

    def setup(self) -> None:
        super().setup()  # type: ignore[misc]
        self.lock = (root / "alive" / self.name).open("w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with (root / "doubled.log").open("a") as log:
                log.write(f"{self.name} {os.getpid()}\n")


class Store(Alone, SqliteMetadataStore):
    pass


class Folder(Alone, FilesystemStoreNode):
    pass


class Asking(Folder):
    """Is asked whether its trigger condition holds, where the store tells by itself for others."""

    def trigger_condition(self) -> bool:
        return self.get_num_artifacts("new") >= 1


class Step(Alone, BaseActionNode):
    """Reads what came in and records its size."""

    def execute(self, *args: object, **kwargs: object) -> bool:
        points.at("executing")
        with (root / "executions.log").open("a") as log:
            log.write(f"{self.run_id} {self.name} {self.attempt} {os.getpid()}\n")
        texts = [inbox.load_artifact(each) for each in inbox.list_artifacts("current")]
        store.log_metrics(size=float(sum(map(len, texts))))
        store.log_params(files=len(texts))
        done = self.work("".join(texts))
        points.at("executed")
        return done

    def work(self, text: str) -> bool:
        return True


class Picky(Step):
    def work(self, text: str) -> bool:
        if text.startswith("raise"):
            raise ValueError(text)
        return not text.startswith("false")


class Maker(Step):
    """Makes one artifact of its own for each run, and a new version of another."""

    def work(self, text: str) -> bool:
        for name in (f"model-{self.run_id}.txt", "latest.txt"):
            with models.save_artifact(name) as path:
                path.write_text(f"{self.run_id} {text}")
        return True


class Trier(Step):
    """Its first attempt that comes so far raises, the next one succeeds."""

    retries = 1

    def work(self, text: str) -> bool:
        try:
            (root / f"tried-{self.run_id}").touch(exist_ok=False)
        except FileExistsError:
            return True
        raise ValueError("not at the first attempt")


def gate() -> int:
    """Up to which run the test lets pass what asks for it."""
    return int((root / "gate").read_text())


class Gated(Step):
    """Ends once the gate is open for its run."""

    def work(self, text: str) -> bool:
        while gate() < self.run_id:
            select.poll().poll(5)
        return True


class Mended(Step):
    """Fails until the gate is open for its run."""

    def work(self, text: str) -> bool:
        return gate() >= self.run_id


class Edited(Step):
    """Another node in each edition of the file, as its loader has read it."""

    def __init__(self, name: str, predecessors: list[Folder]) -> None:
        super().__init__(name, predecessors)
        self.edition = edition()

    def work(self, text: str) -> bool:
        store.log_params(edition=self.edition)
        return True


def edition() -> int:
    return int((root / "edition").read_text())


class AllDone(Step):
    trigger_rule = "all_done"


store = Store("store", f"sqlite:///{root}/metadata.db")
inbox = (Asking if shape == "asking" else Folder)("inbox", root / "inbox", store)
if shape in ("plain", "asking"):
    nodes = [store, inbox, Step("first", [inbox])]
elif shape == "fan-out":
    first = Step("first", [inbox])
    nodes = [store, inbox, first, *(Step(name, [first]) for name in ("left", "right"))]
elif shape == "fan-in":
    left, right = Step("left", [inbox]), Step("right", [inbox])
    nodes = [store, inbox, left, right, Step("join", [left, right])]
elif shape == "failure":
    picky = Picky("picky", [inbox])
    nodes = [store, inbox, picky, Step("after", [picky]), AllDone("always", [picky])]
elif shape == "output":
    models = Folder("models", root / "models", store, monitoring=False)
    maker = Maker("maker", [inbox])
    nodes = [store, inbox, models, maker, Step("reader", [maker])]
elif shape == "two-runs":
    first = Step("first", [inbox])
    nodes = [store, inbox, first, Gated("second", [first])]
elif shape == "retries":
    trier = Trier("trier", [inbox])
    nodes = [store, inbox, trier, Step("after", [trier])]
elif shape == "retry":
    mended = Mended("mended", [inbox])
    nodes = [store, inbox, mended, Step("after", [mended])]
elif shape == "cancel":
    first = Step("first", [inbox])
    second = Gated("second", [first])
    nodes = [store, inbox, first, second, Step("third", [second])]
elif shape in ("edited", "grown"):
    first = Edited("first", [inbox])
    nodes = [store, inbox, first, Step("second", [first])]
    nodes += [Step("third", [first])] if shape == "grown" and edition() % 2 else []
else:
    raise SystemExit(f"no shape {shape}")
pipeline = Pipeline(nodes, name=root.name, max_crashes=10**6, max_concurrent_runs=2 if shape == "two-runs" else 1)
