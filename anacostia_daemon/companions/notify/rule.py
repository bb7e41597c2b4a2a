"""One table `[notify.RULE]`: whom to tell of what. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from anacostia_daemon.companions.notify.notices import Notice

OF_NODES = ("node-failed", "node-restarted")


@dataclass(frozen=True)
class Rule:
    """`settings` are its keys, as the configuration has checked them."""

    name: str
    settings: Mapping[str, Any]

    def wants(self, notice: Notice) -> bool:
        """Whether to tell of it."""
        return (
            notice.event in self.settings["events"]
            and _matches(notice.pipeline, self.settings["pipelines"])
            and (notice.event not in OF_NODES or _matches(notice.node or "", self.settings["nodes"]))
        )

    def asks_for(self, event: str) -> bool:
        return event in self.settings["events"]


def _matches(name: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(name, each) for each in patterns)
