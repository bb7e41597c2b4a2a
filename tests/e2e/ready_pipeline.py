"""Ready-made nodes in real pipelines: `ready_pipeline.py KIND FOLDER [WEB-PORT MAIL-PORT]`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from node_sdk import Pipeline
from node_sdk.actions import (
    EmailActionNode,
    HttpActionNode,
    PythonActionNode,
    ShellActionNode,
    SubprocessActionNode,
    action,
)
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FilesystemStoreNode, ScheduleNode
from node_sdk.triggers import at_least, metric, older_than

STAYS = "sleep 600 & setsid sleep 600 & (setsid sleep 600 &) ; wait"  # three generations of those who do not end

kind, folder, *ports = sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:])
store = SqliteMetadataStore("metadata_store", f"sqlite:///{folder}/{kind}.db")


def ticking() -> list[Any]:
    """A run for each fifth of a second."""
    clock = ScheduleNode("clock", store, every=0.2, misfire="all")

    @action(clock)
    def tell(node: PythonActionNode) -> None:
        due = clock.list_artifacts("current")
        store.log_metrics(late=time.time() - clock.load_artifact(due[-1]).timestamp(), due=len(due))

    return [clock, tell]


def ready() -> list[Any]:
    """Files by the three, or after a second; then a command, a function elsewhere, a request and an email."""
    inbox = FilesystemStoreNode("inbox", folder / "inbox", store, trigger=at_least(3) | older_than(1.0))

    def command(node: ShellActionNode) -> list[str]:
        files = inbox.list_artifacts("current")
        return ["sh", "-c", STAYS] if any("stay" in each for each in files) else ["wc", "-c", *files]

    web, mail = ports
    shell = ShellActionNode("shell", command, [inbox], timeout=0.5, stop_timeout=4)
    there = SubprocessActionNode(
        "there", "job:check", [shell], python=sys.executable, arguments={"number": 4}, cwd=folder
    )
    call = HttpActionNode("call", lambda node: f"http://127.0.0.1:{web}/once-busy/{node.run_id}", [shell], retries=1)
    text = "run {0.run_id} has ended"
    tell = EmailActionNode(
        "tell", [there, call], to="you@example.org", subject=text.format, host="127.0.0.1", port=mail, security="none"
    )
    return [inbox, shell, there, call, tell]


def until_good() -> list[Any]:
    """Trains as long as the loss, which is what the newest file says, is above 0.4."""
    trigger = at_least(1) & metric("loss", default=1.0).above(0.4)
    inbox = FilesystemStoreNode("inbox", folder / "inbox", store, trigger=trigger)

    @action(inbox)
    def train(node: PythonActionNode) -> None:
        words = inbox.load_artifact(inbox.list_artifacts("current")[-1]).split()
        while "wait" in words and not (folder / "gate").exists():
            time.sleep(0.01)
        store.log_metrics(loss=float(words[0]))

    return [inbox, train]


kinds = {"ticking": ticking, "ready": ready, "until-good": until_good}
pipeline = Pipeline([store, *kinds[kind]()], name=kind)
