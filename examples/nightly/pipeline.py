"""A backup every night, in which no line says how to run a command or when it is three o'clock.

    python pipeline.py [FOLDER [CRON-OR-SECONDS]]
    anacostiactl start pipeline.py

packs FOLDER/data (default: .demo/data beside this file) into FOLDER/backups and keeps the newest seven.
"""

from __future__ import annotations

import sys
from pathlib import Path

from node_sdk import Pipeline
from node_sdk.actions import PythonActionNode, ShellActionNode, action
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import ScheduleNode

KEPT = 7
DEFAULTS = [str(Path(__file__).resolve().parent / ".demo"), "0 3 * * *"]

given, when = sys.argv[1:3] + DEFAULTS[len(sys.argv[1:3]) :]
folder = Path(given).resolve()
for each in ("data", "backups"):
    (folder / each).mkdir(parents=True, exist_ok=True)
timetable = {"cron": when} if " " in when else {"every": float(when)}

metadata_store = SqliteMetadataStore("metadata_store", f"sqlite:///{folder}/metadata.db")
nightly = ScheduleNode("nightly", metadata_store, **timetable, timezone="Europe/Berlin", misfire="once")


def pack(node: ShellActionNode) -> list[str]:
    """One archive per due time; an attempt that is repeated writes the same one anew."""
    due = nightly.load_artifact(nightly.list_artifacts("current")[-1])
    return ["tar", "-czf", f"{folder}/backups/{due:%Y-%m-%dT%H%M%S}.tar.gz", "-C", str(folder), "data"]


backup = ShellActionNode("backup", pack, [nightly], timeout=3600, retries=2, retry_delay=60)


@action(backup)
def prune(node: PythonActionNode) -> None:
    """Keep the newest."""
    archives = sorted((folder / "backups").glob("*.tar.gz"))
    for old in archives[:-KEPT]:
        old.unlink(missing_ok=True)
    metadata_store.log_metrics(backups=len(archives[-KEPT:]), bytes=archives[-1].stat().st_size)
    node.log(f"{archives[-1].name} is there; {len(archives[:-KEPT])} older ones removed", "INFO")


pipeline = Pipeline(nodes=[metadata_store, nightly, backup, prune], name="nightly")

if __name__ == "__main__":
    pipeline.run()
