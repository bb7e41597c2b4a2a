"""Looks which runs have ended when it is woken, and exports them, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from anacostia_daemon.companions.story import TIMEOUT, store_is_ready
from anacostia_daemon.companions.traces.due import LOOKED_AT, Memory
from anacostia_daemon.companions.traces.last_words import LastWords
from anacostia_daemon.companions.traces.spans import spans
from anacostia_daemon.control.client import Client, ControlRefused


class Watch:
    """`patterns`: of which pipelines. Raises ControlFailure where the daemon does not answer; then look again."""

    def __init__(
        self,
        client: Client,
        memory: Memory,
        exporter: SpanExporter,
        patterns: list[str],
        words: LastWords,
        say: Callable[[str], None],
    ) -> None:
        self._client, self._memory, self._exporter = client, memory, exporter
        self._patterns, self._words, self._say = patterns, words, say
        self._failing = False

    def look(self) -> bool:
        """Export what is due; whether all of it could be."""
        status = self._ask("status")
        wanted = [each for each in status["pipelines"] if any(fnmatchcase(each["name"], p) for p in self._patterns)]
        try:
            done = [self._pipeline(each, status["daemon"]["home"]) for each in wanted if store_is_ready(each)]
            return all(done)
        finally:
            self._memory.save()

    def _pipeline(self, pipeline: Mapping[str, Any], home: str) -> bool:
        name, due = pipeline["name"], self._memory.of(pipeline["name"])
        try:
            running = self._ask("runs", pipeline=name, state="running", limit=LOOKED_AT)
            newest = self._ask("runs", pipeline=name, limit=LOOKED_AT)
        except ControlRefused:
            return True  # it has gone away meanwhile
        shown = {row["id"]: row for row in newest}
        predecessors = {node["name"]: node["predecessors"] for node in pipeline["nodes"]}
        for run_id in due.look(newest, running, self._memory.since):
            run = shown.get(run_id) or self._run(name, run_id)
            if run is not None and not self._export(run, predecessors, home):
                return False
            due.done(run_id)
        return True

    def _run(self, pipeline: str, run_id: int) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._ask("run", pipeline=pipeline, run_id=run_id)
        except ControlRefused:
            return None
        return found

    def _export(self, run: dict[str, Any], predecessors: Mapping[str, list[str]], home: str) -> bool:
        sent = self._exporter.export(spans(run, predecessors, home)) is SpanExportResult.SUCCESS
        if sent == self._failing:
            lost = f"cannot send traces; they are kept and sent again: {self._words.text}"
            self._say("traces are taken again" if sent else lost)
            self._failing = not sent
        return sent

    def _ask(self, command: str, **arguments: Any) -> Any:
        return self._client.request(command, arguments, timeout=TIMEOUT)
