"""SIGKILL of a node until its replacement is `ready`, beside the limit: SIGKILL, pidfd, fork of a warm interpreter,
first byte from the child. The two take turns. Writes restart.json beside the table.

    python benchmarks/restart.py [--times 50]
"""

from __future__ import annotations

import argparse
import json
import os
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from anacostia_daemon.control.client import Client
from anacostia_daemon.paths import Home

PIPELINE = """
import sys
from pathlib import Path
from node_sdk import BaseActionNode, Pipeline, RestartPolicy
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FilesystemStoreNode

folder = Path(sys.argv[1])


class Bare(BaseActionNode):
    restart = RestartPolicy(max_restarts=None, backoff_initial=0)

    def execute(self, *args, **kwargs) -> bool:
        return True


store = SqliteMetadataStore("store", f"sqlite:///{folder}/metadata.db")
inbox = FilesystemStoreNode("inbox", folder / "inbox", store)
pipeline = Pipeline([store, inbox, Bare("bare", [inbox])], name="bench")
"""


def limit() -> float:
    """Seconds from SIGKILL of a forked child to the first byte of the next."""
    reader, writer = os.pipe()
    first = _fork(writer)
    os.read(reader, 1)
    watched = os.pidfd_open(first)
    began = time.perf_counter()
    os.kill(first, signal.SIGKILL)
    select.select([watched], [], [])
    os.waitpid(first, 0)
    second = _fork(writer)
    os.read(reader, 1)
    took = time.perf_counter() - began
    os.kill(second, signal.SIGKILL)
    os.waitpid(second, 0)
    for each in (reader, writer, watched):
        os.close(each)
    return took


def _fork(writer: int) -> int:
    pid = os.fork()
    if pid == 0:
        os.write(writer, b"!")
        signal.pause()
    return pid


def ours(client: Client) -> float:
    """Seconds from SIGKILL of the node to `ready` of its next incarnation, as `status` tells."""
    before = node(client)
    began = time.perf_counter()
    os.kill(before["pid"], signal.SIGKILL)
    while (now := node(client))["phase"] != "ready" or now["incarnation"] == before["incarnation"]:
        pass
    return time.perf_counter() - began


def node(client: Client) -> dict[str, Any]:
    (pipeline,) = client.request("status", {})["pipelines"]
    return next(each for each in pipeline["nodes"] if each["name"] == "bare")


def summary(seconds: list[float]) -> dict[str, float]:
    in_order = sorted(seconds)
    return {
        "n": len(seconds),
        "p50_ms": statistics.median(seconds) * 1000,
        "p99_ms": in_order[min(len(in_order) - 1, int(len(in_order) * 0.99))] * 1000,
    }


def measure(times: int) -> dict[str, dict[str, float]]:
    root = Path(tempfile.mkdtemp(prefix="bench-", dir="/tmp"))
    environment = {**os.environ, "ANACOSTIA_HOME": str(root / "home"), "XDG_RUNTIME_DIR": str(root)}
    (root / "pipeline.py").write_text(PIPELINE)
    ctl = [sys.executable, "-m", "anacostia_daemon.ctl"]
    subprocess.run([*ctl, "start", root / "pipeline.py", "--", root], env=environment, check=True)
    try:
        client = Client(Home(root / "home", environment))
        found: dict[str, list[float]] = {"limit": [], "anacostia": []}
        for _ in range(times):
            found["limit"].append(limit())
            found["anacostia"].append(ours(client))
    finally:
        subprocess.run([*ctl, "shutdown"], env=environment, check=True)
        shutil.rmtree(root)
    return {name: summary(seconds) for name, seconds in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50)
    figures = measure(parser.parse_args().times)
    print(f"{'restart':12} {'n':>4} {'p50 ms':>8} {'p99 ms':>8} {'ratio':>6}")
    for name, row in figures.items():
        ratio = row["p50_ms"] / figures["limit"]["p50_ms"]
        print(f"{name:12} {row['n']:4} {row['p50_ms']:8.2f} {row['p99_ms']:8.2f} {ratio:6.1f}")
    Path(__file__).with_suffix(".json").write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
