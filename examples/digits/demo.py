"""Shows what this project is for: digits retrained under a real daemon, and its training node killed in mid-run.

    make demo        (or: python examples/digits/demo.py, where anacostia-daemon[examples] is installed)

With `--pictures FOLDER` the dashboard is served meanwhile, and pictures of the finished pipeline are left there.

Batches arrive, runs succeed, accuracy rises. In the fourth run the process of `retrain` gets SIGKILL in the middle of
`execute()`. It comes back by itself and finishes; nothing else is executed again and nothing is recorded twice. All of
this is checked: the exit code is 0 only if it was so and no process is left.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pictures
import psutil
from cut import BATCHES, drop

from anacostia_daemon.control.client import Client
from anacostia_daemon.paths import Home
from node_sdk import AnacostiaError

HERE = Path(__file__).resolve().parent
CTL = Path(sys.executable).with_name("anacostiactl")
KILLED_RUN = 4
PATIENCE = 30.0  # seconds that any one step may take; it takes one or two
STEPS_OF_A_RUN = 10  # how often `retrain` logs its training loss
PICTURES = {  # name → page, and what is drawn on it last
    "dashboard-pipeline": ("/pipelines/digits", "svg .node .name"),
    "dashboard-run": (f"/pipelines/digits/runs/{KILLED_RUN}", "canvas"),
    "dashboard-runs": ("/pipelines/digits/runs", "svg.timeline"),
    "dashboard-metrics": ("/pipelines/digits/metrics?key=accuracy&key=loss", "canvas"),
    "dashboard-node": ("/pipelines/digits/nodes/retrain", "canvas"),
}


class Broken(Exception):
    """Something that this demo shows was not so."""


def check(true: bool, what: str) -> None:
    if not true:
        raise Broken(what)
    print(f"     ✓ {what}")


def say(text: str) -> None:
    print(f"\n── {text}", flush=True)


class Demo:
    """A daemon in a fresh home, below one temporary folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.env = {**os.environ, "ANACOSTIA_HOME": str(root / "home"), "XDG_RUNTIME_DIR": str(root / "run")}
        (root / "run").mkdir(mode=0o700)
        self.home = Home(root / "home", self.env)
        self.client = Client(self.home)

    def serve_dashboard(self) -> None:
        """Have the daemon serve one, at any free port."""
        self.home.path.mkdir(mode=0o700)
        (self.home.path / "anacostia.toml").write_text("[web]\nport = 0\n")

    def ctl(self, *words: str) -> str:
        """`anacostiactl words…`, shown as typed."""
        print(f"$ anacostiactl {' '.join(words)}", flush=True)
        done = subprocess.run([CTL, *words], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        print(done.stdout, end="", flush=True)
        if done.returncode != 0:
            raise Broken(f"anacostiactl {words[0]} ended with exit code {done.returncode}")
        return done.stdout

    def until(self, look: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = look()
            if found:
                return found
            time.sleep(0.01)
        raise Broken(f"within {PATIENCE:g} s: {what}")

    def run(self, number: int) -> dict[str, Any] | None:
        runs = self.client.request("runs", {"pipeline": "digits", "limit": 100})
        return next((each for each in runs if each["id"] == number), None)

    def ended(self, number: int) -> dict[str, Any] | None:
        run = self.run(number)
        return run if run is not None and run["state"] != "running" else None

    def metrics(self, number: int, node: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.request(
            "metrics", {"pipeline": "digits", "run_id": number, "node": node, "limit": 1000}
        )
        return found

    def retrain(self) -> dict[str, Any]:
        (pipeline,) = self.client.request("status", {"pipeline": "digits"})["pipelines"]
        return next(node for node in pipeline["nodes"] if node["name"] == "retrain")

    def left(self) -> list[psutil.Process]:
        """Processes that came of this demo and still live."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                ours = process.environ().get("ANACOSTIA_HOME") == self.env["ANACOSTIA_HOME"]
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found


def show(demo: Demo, number: int, run: dict[str, Any]) -> float:
    """One line for a run that succeeded; returns its accuracy."""
    if run["state"] != "succeeded":
        raise Broken(f"run {number} is {run['state']}, not succeeded: {run['tasks']}")
    values = {each["key"]: each["value"] for each in demo.metrics(number, "evaluate")}
    attempts = sum(task["attempts"] for task in run["tasks"] if task["node"] == "retrain")
    print(
        f"     run {number}  succeeded  {BATCHES[number - 1]:>4} new images  accuracy {values['accuracy']:.4f}  "
        f"loss {values['loss']:.4f}  attempts of retrain: {attempts}",
        flush=True,
    )
    return float(values["accuracy"])


def kill_in_mid_run(demo: Demo) -> dict[str, Any]:
    """SIGKILL to the training node while it trains; returns what it was."""
    before = demo.retrain()

    def training() -> bool:
        run = demo.run(KILLED_RUN)
        executing = run is not None and any(
            task["node"] == "retrain" and task["state"] == "executing" for task in run["tasks"]
        )
        return executing and len(demo.metrics(KILLED_RUN, "retrain")) >= 2

    demo.until(training, f"retrain executes run {KILLED_RUN}")
    os.kill(before["pid"], signal.SIGKILL)
    return before


def perform(demo: Demo) -> None:
    say("a daemon starts, and the pipeline: store, 4 folders, 3 actions, a process each")
    demo.ctl("start", str(HERE / "pipeline.py"), "--", str(demo.root / "digits"))
    batches = demo.root / "digits" / "batches"

    say("batches of handwritten digits arrive; each starts a run that trains on all of them so far")
    accuracy = []
    for number in range(1, len(BATCHES) + 1):
        drop(batches, number - 1)
        if number == KILLED_RUN:
            accuracy.append(survive(demo))
        else:
            run = demo.until(lambda number=number: demo.ended(number), f"run {number} ends")
            accuracy.append(show(demo, number, run))
    check(accuracy[-1] > accuracy[0] + 0.1, f"accuracy rose from {accuracy[0]:.4f} to {accuracy[-1]:.4f}")
    check((demo.root / "digits/registry/best.npz").is_file(), "the registry holds the best model")

    say("what the daemon knows")
    demo.ctl("status")
    demo.ctl("metrics", "digits", "--key", "accuracy")


def survive(demo: Demo) -> float:
    before = kill_in_mid_run(demo)
    say(f"kill -9 {before['pid']}: the training node dies in the middle of execute() of run {KILLED_RUN}")
    killed = time.monotonic()
    after = demo.until(
        lambda: (node := demo.retrain())["incarnation"] > before["incarnation"] and node["phase"] == "ready" and node,
        "retrain is back",
    )
    took = (time.monotonic() - killed) * 1000
    print(f"     back after {took:.0f} ms: incarnation {after['incarnation']}, pid {after['pid']}")
    check(after["last_end"]["signal"] in (9, "SIGKILL"), f"status says how it ended: {after['last_end']['reason']}")
    run = demo.until(lambda: demo.ended(KILLED_RUN), f"run {KILLED_RUN} ends")
    accuracy = show(demo, KILLED_RUN, run)
    attempts = {task["node"]: task["attempts"] for task in run["tasks"]}
    check(attempts["retrain"] == 2, "the interrupted task was executed again, by the node that came back")
    check(attempts["preprocess"] == attempts["evaluate"] == 1, "no other task was")
    losses = [each["step"] for each in demo.metrics(KILLED_RUN, "retrain") if each["key"] == "train_loss"]
    check(len(losses) == len(set(losses)) == STEPS_OF_A_RUN, "and nothing was recorded twice")
    print(flush=True)
    return accuracy


def picture(demo: Demo, folder: Path) -> None:
    """Leave pictures of the dashboard in `folder`."""
    say("what the dashboard shows")
    file = demo.home.web_address
    demo.until(lambda: file.exists() and file.read_text().strip(), "the dashboard is served")
    newest = demo.client.request("artifacts", {"pipeline": "digits", "resource": "registry", "limit": 1})
    pages = {**PICTURES, "dashboard-lineage": (f"/pipelines/digits/artifacts/{newest[0]['id']}", "svg.lineage")}
    for each in pictures.take(file.read_text().strip(), folder, pages):
        print(f"     {each}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="leave pictures of the dashboard here")
    folder = parser.parse_args().pictures
    if folder is not None and (lacks := pictures.missing()):
        print(f"no pictures are taken, for want of {lacks}")
        folder = None
    return play(folder)


def play(folder: Path | None) -> int:
    began = time.monotonic()
    root = Path(tempfile.mkdtemp(prefix="anacostia-demo-", dir="/tmp"))
    demo = Demo(root)
    fault = None
    try:
        if folder is not None:
            demo.serve_dashboard()
        perform(demo)
        if folder is not None:
            picture(demo, folder)
        say("shut down")
        demo.ctl("shutdown")
        demo.until(lambda: not demo.left(), "all processes have ended")
        check(True, "no process is left")
    except (Broken, AnacostiaError) as error:
        fault = str(error)
    finally:
        demo.client.close()
        for process in demo.left():
            with contextlib.suppress(psutil.Error):
                process.kill()
        if fault is None:
            shutil.rmtree(root, ignore_errors=True)
    if fault is not None:
        print(f"\n✗ not as it should be: {fault}\n  (logs: {root}/home)")
        return 1
    print(f"\nall of it was so, in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
