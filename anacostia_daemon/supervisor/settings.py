"""What the configuration says of the daemon itself and counts at once when it changes: one object, read where it
counts.

What it says of pipelines is in their recipes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from anacostia_daemon.config.configuration import Config
from node_sdk.policy import DEFAULT_LOG_POLICY, LogPolicy


@dataclass
class Settings:
    """Seconds, unless said otherwise."""

    load_timeout: float = 300.0  # imports may take minutes
    memory_interval: float = 2.0
    journal_lines: int = 5000  # kept per pipeline
    exit_on_failure: bool = False  # the daemon ends when a pipeline is given up
    log_policy: LogPolicy = DEFAULT_LOG_POLICY
    for_one_program: bool = False  # which is to hear of it, whatever the configuration says

    def follow(self, config: Config) -> None:
        """From now on as `config` has it."""
        values = config.table("daemon")
        self.load_timeout = values["load_timeout"]
        self.memory_interval = values["memory_interval"]
        self.journal_lines = values["journal_lines"]
        logs = config.table("logs")
        self.log_policy = LogPolicy(**{each.name: logs.get(each.name) for each in fields(LogPolicy)})
        self.exit_on_failure = values["exit_on_failure"] or self.for_one_program
