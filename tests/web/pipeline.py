"""The pipeline of these tests: numbers are dropped into a folder, doubled, and kept; what is no number fails."""

from __future__ import annotations

import time
from pathlib import Path

from node_sdk import BaseActionNode, Pipeline, RestartPolicy
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.panels import Facts, Markdown, Plot, Table
from node_sdk.resources import FilesystemStoreNode

HERE = Path(__file__).parent


class Double(BaseActionNode):
    """Reads the number, logs a curve by steps and the double, and saves a table."""

    restart = RestartPolicy(max_restarts=50, backoff_initial=0.05)

    def __init__(self, name, predecessors, store, numbers, doubles):
        self.store, self.numbers, self.doubles = store, numbers, doubles
        super().__init__(name, predecessors)

    def execute(self, *args, **kwargs) -> bool:
        location = self.numbers.list_artifacts("current")[0]
        text = Path(location).read_text()
        self.log(f"reading {text!r}", level="INFO")
        if text.startswith("slow"):
            time.sleep(1.0)
            text = text.removeprefix("slow")
        if text == "endless":
            time.sleep(3600)
        number = float(text)
        self.store.log_params(number=number, method="addition")
        self.store.set_tags(kind="odd" if number % 2 else "even")
        for step in range(20):
            self.store.log_metrics(step=step, loss=number / (step + 1))
        self.store.log_metrics(double=2 * number)
        self.log(f"the double is {2 * number}", level="WARNING")
        with self.doubles.save_artifact(f"{Path(location).stem}.csv") as path:
            path.write_text(f"number,double\n{number},{2 * number}\n")
        return True

    def panel(self):
        rows = [row for row in self.store.get_metrics(run_id=1) if row["key"] == "loss"]
        series = {"loss": [(row["step"], row["value"]) for row in rows]}
        return [
            Table(("name", "value"), [("<b>bold</b>", 1), ("runs", len(self.store.get_runs()))], "A table"),
            Plot(series, "A plot", x="step"),
            Markdown("**strong** <script>alert(1)</script> [bad](javascript:alert(1)) ![x](http://evil.example/x.png)"),
            Facts({"one": 1, "none": None}, "Facts"),
        ]


class Check(BaseActionNode):
    def __init__(self, name, predecessors, store):
        self.store = store
        super().__init__(name, predecessors)

    def execute(self, *args, **kwargs) -> bool:
        self.log("checked", level="INFO")
        return True

    def panel(self):
        raise LookupError("nothing to show, and that is said")


store = SqliteMetadataStore("store", f"sqlite:///{HERE}/metadata.db")
numbers = FilesystemStoreNode("numbers", f"{HERE}/numbers", store)
doubles = FilesystemStoreNode("doubles", f"{HERE}/doubles", store, monitoring=False)
double = Double("double", [numbers, doubles], store, numbers, doubles)
pipeline = Pipeline([store, numbers, doubles, double, Check("check", [double], store)], name="doubling")
