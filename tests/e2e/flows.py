"""Drives flows_pipeline.py: several of them in one daemon, each in a folder of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from place import Place, rows, wait_for

PIPELINE = Path(__file__).with_name("flows_pipeline.py")


class Flow:
    """One pipeline, started in a place."""

    def __init__(self, place: Place, name: str, **settings: Any) -> None:
        self.place, self.name = place, name
        self.folder = place.root / name
        self.folder.mkdir()
        self.dropped = 0
        place.ctl("start", PIPELINE, "--name", name, "--", self.folder, name, json.dumps(settings))

    # ---- doing

    def do(self, deed: str, *where: object) -> None:
        """Have a node do so: `where` is its name, perhaps a run, perhaps an attempt. '' is to succeed."""
        self.place.write(f"{self.name}/do-{'-'.join(map(str, where))}", deed)

    def drop(self, text: str = "") -> int:
        """A file with this in its name; the number of its run, where each file is one."""
        self.dropped += 1
        self.place.write(f"{self.name}/inbox/{self.dropped:03}{text}.txt", f"{self.dropped}")
        return self.dropped

    def go(self, node: str, run: int) -> None:
        """Let a node that waits come to its end."""
        (self.folder / f"go-{node}-{run}").touch()

    def ctl(self, command: str, *words: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        return self.place.ctl(command, self.name, *map(str, words), code=code)

    # ---- looking

    def hooks(self, node: str, run: int) -> list[str]:
        """What the hooks of this task have left: 'ATTEMPT HOOK'; and 'ATTEMPT execute'."""
        return [f"{attempt} {hook[0]}" for attempt, *hook in self._lines(node, run)]

    def begun(self, node: str, run: int) -> list[float]:
        """When each of its attempts began, on a monotonic clock."""
        return [float(hook[1]) for _, *hook in self._lines(node, run) if hook[0] == "execute"]

    def executes(self, node: str, run: int, attempt: int = 1) -> None:
        """Once this attempt has begun."""
        wait_for(lambda: f"{attempt} execute" in self.hooks(node, run), f"{node} executes {run} ({attempt})")

    def ended(self, run: int, state: str = "succeeded") -> dict[str, dict[str, Any]]:
        """The tasks of a run that ended so, by node."""
        return {each["node"]: each for each in self.place.run_ended(self.name, run, state)["tasks"]}

    def states(self, run: int, state: str) -> dict[str, str]:
        """How the actions' tasks of a run that ended so have ended."""
        idle = ("metadata_store", "inbox", "models")
        return {node: task["state"] for node, task in self.ended(run, state).items() if node not in idle}

    def task(self, run: int, node: str) -> dict[str, Any]:
        found = self.rows(f"select * from tasks where run_id = {run} and node = '{node}'")
        return found[0] if found else {}

    def rows(self, query: str) -> list[dict[str, Any]]:
        return [dict(each) for each in rows(self.folder / "metadata.db", query)]

    def is_pending(self, run: int, node: str, failures: int = 1) -> None:
        """Once the task waits for its next attempt."""
        wait_for(
            lambda: self.task(run, node).get("failures") == failures, f"{node} has failed {failures} times in {run}"
        )
        assert self.task(run, node)["state"] == "pending"

    def artifacts(self, state: str) -> dict[str, Any]:
        """Those of the inbox in a state, by location."""
        found = self.place.json("artifacts", self.name, "--state", state, "--resource", "inbox")
        return {each["location"]: each for each in found}

    def incarnation(self, node: str) -> int:
        number: int = self.place.node(self.name, node)["incarnation"]
        return number

    def journal(self, node: str) -> str:
        return " ".join(each["reason"] for each in self.place.json("journal", f"{self.name}/{node}"))

    def staged(self) -> list[Path]:
        """What attempts have left in staging."""
        return [each for each in (self.folder / "models/.anacostia").rglob("*.txt") if each.is_file()]

    def _lines(self, node: str, run: int) -> list[list[str]]:
        log = self.folder / "hooks.log"
        lines = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
        return [line[2:] for line in lines if line[:2] == [node, str(run)]]
