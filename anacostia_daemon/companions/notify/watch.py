"""Looks at the journal and at failed runs when it is woken, and gives each sender what its rule wants."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from anacostia_daemon.companions.notify.notices import Notice, Reader, of_run
from anacostia_daemon.companions.notify.progress import KEPT, Progress
from anacostia_daemon.companions.notify.rule import Rule
from anacostia_daemon.companions.notify.sender import Sender
from anacostia_daemon.companions.story import TIMEOUT, Story, store_is_ready
from anacostia_daemon.control.client import Client, ControlRefused


class Watch:
    """`senders` of each rule. Raises ControlFailure where the daemon does not answer; then look again."""

    def __init__(self, client: Client, progress: Progress, rules: Iterable[tuple[Rule, list[Sender]]]) -> None:
        self._client, self._progress, self._rules = client, progress, list(rules)
        self._reader = Reader()
        self._story: Story | None = None
        self._looks_at_runs = any(rule.asks_for("run-failed") for rule, _ in self._rules)

    def look(self) -> None:
        """Whatever is new since the last time."""
        story = self._begun()
        for notice in self._reader.read(story.read()):
            self._give(notice)
        self._progress.read_to(story.begin())
        if self._looks_at_runs:
            self._look_at_runs()

    def _begun(self) -> Story:
        if self._story is None:
            newest = Story(self._client).begin()
            known = self._progress.line
            # A journal that was moved away counts from 1 again.
            self._story = Story(self._client, newest if known is None else min(known, newest))
            self._reader.begin(self._ask("status"))
        return self._story

    def _look_at_runs(self) -> None:
        for pipeline in self._ask("status")["pipelines"]:
            if not store_is_ready(pipeline):
                continue  # asking would start a process that reads its files; it says when it is back
            try:
                rows = self._ask("runs", pipeline=pipeline["name"], state="failed", limit=KEPT)
            except ControlRefused:
                continue  # it has gone away meanwhile
            for row in reversed(rows):
                notice = of_run(row)
                if row["ended_at"] >= self._progress.since and self._progress.is_new(notice):
                    self._give(notice)

    def _give(self, notice: Notice) -> None:
        wanted = [sender for rule, senders in self._rules if rule.wants(notice) for sender in senders]
        self._progress.waits(notice, len(wanted))
        for sender in wanted:
            sender.give(notice)

    def _ask(self, command: str, **arguments: Any) -> Any:
        return self._client.request(command, arguments, timeout=TIMEOUT)
