"""Each registered pipeline: can it be started, does its store answer, has a node of it failed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from anacostia_daemon.doctor.finding import Finding, fault, ok, warning
from anacostia_daemon.doctor.records import Registered

Ask = Callable[[str, dict[str, Any]], Any]  # the daemon's answer; a text says why there is none


def check(pipelines: list[Registered], status: dict[str, Any] | None, ask: Ask) -> Iterator[Finding]:
    """`status` is the daemon's; None where none runs, and then only files are looked at."""
    shown = {each["name"]: each for each in (status or {"pipelines": []})["pipelines"]}
    for each in pipelines:
        part = f"pipeline {each.name}"
        found = [*_files(part, each), *_nodes(part, shown.get(each.name)), *_store(part, shown.get(each.name), ask)]
        yield from found or [ok(part, f"wanted {each.desired}; {each.file}")]


def _files(part: str, pipeline: Registered) -> Iterator[Finding]:
    again = f"`anacostiactl remove {pipeline.name}`, then start it again from where it is now"
    if not Path(pipeline.file).is_file():
        yield fault(
            part, f"its file {pipeline.file} is not there: it cannot be started again", f"put it back, or {again}"
        )
    elif not os.access(pipeline.file, os.R_OK):
        yield fault(part, f"its file {pipeline.file} cannot be read", "give the daemon's user the right to read it")
    if shutil.which(pipeline.python) is None:
        yield fault(part, f"its interpreter {pipeline.python} is not there", f"make that environment again, or {again}")
    if not Path(pipeline.cwd).is_dir():
        yield fault(part, f"its working directory {pipeline.cwd} is not there", f"make it again, or {again}")


def _nodes(part: str, shown: dict[str, Any] | None) -> Iterator[Finding]:
    for node in (shown or {"nodes": []})["nodes"]:
        target = f"{part.removeprefix('pipeline ')}/{node['name']}"
        logs = f"`anacostiactl logs {target}`"
        if node["phase"] == "failed":
            advice = f"{logs}, mend it, then `anacostiactl restart {target}`"
            yield fault(part, f"node '{node['name']}' has failed: {node.get('reason')}", advice)
        elif node["phase"] == "backoff":
            yield warning(part, f"node '{node['name']}' keeps crashing: {node.get('reason')}", f"see {logs}")


def _store(part: str, shown: dict[str, Any] | None, ask: Ask) -> Iterator[Finding]:
    if shown is None or shown["desired"] == "down":
        return
    why = ask("runs", {"pipeline": shown["name"], "limit": 1})
    if isinstance(why, str):
        yield fault(part, f"its metadata store does not answer: {why}", f"`anacostiactl logs {shown['name']}`")
