"""Writes docs/cli.md from what `anacostiactl --help` says, so that the page cannot say anything else.

`make docs` writes it; `python docs/generate_cli.py --check` (and a test) only says whether it is up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from anacostia_daemon.ctl.cli import cli
from anacostia_daemon.ctl.exits import MEANINGS

PAGE = Path(__file__).with_name("cli.md")
WIDTH = 100

_INTRODUCTION = """\
# anacostiactl

Every command, as `--help` shows it. This page is written by `docs/generate_cli.py`; do not edit it.

Results go to stdout, everything else (progress, errors) to stderr. An error begins with what cannot be done. Times are
local and short; with `--json`, and in the log lines that nodes wrote, they are ISO 8601 UTC. Colours are for terminals,
and not where `NO_COLOR` is set. Control characters in what nodes write are shown as `\\x1b` on a terminal.

`anacostiactl completion bash|zsh|fish` prints the script for the Tab key. The same pages are in the manual:
`man anacostiactl-logs`.
"""

_SHAPES = """\
## JSON

What `--json` prints. More fields may be added; these stay.

    status     {"daemon": {"pid", "version", "started_at", "home", "trouble"},
                "pipelines": [{"name", "file", "desired", "phase", "store": {"uri"},
                  "nodes": [{"name", "kind": "metadata_store|resource|action", "type", "desired", "phase", "pid",
                             "incarnation", "restarts", "started_at", "ready_at",
                             "last_end": {"reason", "exit_code", "signal", "at"} | null,
                             "work", "cpu_percent", "rss_bytes", "predecessors": [], "reason", "next_start_at",
                             "log"}]}],
                "not_started": [{"name", "file", "reason"}]}  listed in the configuration, and not registered
    runs       [{"id", "pipeline", "state": "running|succeeded|failed|cancelled", "started_at", "ended_at", "trigger",
                 "tasks": [{"node", "state": "pending|executing|succeeded|failed|error|skipped|cancelled", "attempts",
                            "started_at", "ended_at", "error"}]}]
    run        one of `runs`, with "artifacts" and "metrics" of the shapes below
    artifacts  [{"id", "resource", "location", "state": "new|current|old|failed", "run_id",
                 "produced_by": {"run_id", "node"} | null, "sha256", "size", "created_at",
                 "reason": string | null}]
    metrics    [{"run_id", "node", "key", "value", "step", "logged_at"}]
    journal    [{"at", "pipeline", "node", "incarnation", "event", "from", "to", "reason"}]
    graph      {"name", "trigger", "max_concurrent_runs", "max_crashes",
                "nodes": [{"name", "kind", "type", "base_type", "predecessors", "restart": {}, "log_policy": {}, and the
                           other settings of a node by their names in the SDK}]}
    trigger    {"pipeline", "run_id"}; `cancel` and `retry` print the same
    config show  {"file": string | null, "daemon": true|false,
                "settings": [{"key", "value", "source": the file, "default", or a variable's name}]}
    version    {"anacostiactl", "daemon": {"version", "pid", "python"} | null}
    logs       one object per line: {"at", "pipeline", "node", "level", "pid", "run_id", "message", "line"}; level and
               pid are null for what was printed without logging
    top        one object per round, on a line: {"at", "nodes": [{"pipeline", "node", "phase", "pid", "restarts",
               "cpu_percent", "rss_bytes", "work"}]}
    doctor     [{"part", "level": "ok|warning|fault", "finding", "advice"}]

`desired` is `up`, `down` or `paused`; `phase` is `down`, `starting`, `ready`, `stopping`, `killing`, `backoff` or
`failed`.
"""


def page() -> str:
    """The whole page."""
    parts = [_INTRODUCTION, "## Exit codes\n", "| code | means |\n|---|---|"]
    parts += [f"| {code} | {meaning} |" for code, meaning in MEANINGS]
    parts += ["", *_commands(), _SHAPES]
    return "\n".join(parts)


def _commands() -> Iterator[str]:
    with cli.make_context("anacostiactl", [], resilient_parsing=True, terminal_width=WIDTH) as top:
        for name in cli.list_commands(top):
            command = cli.get_command(top, name)
            assert command is not None
            yield from _sections("##", name, command, click.Context(command, info_name=name, parent=top))


def _sections(mark: str, title: str, command: click.Command, context: click.Context) -> Iterator[str]:
    """A command, and the commands that it has in turn."""
    lines = (f"    {line}".rstrip() for line in command.get_help(context).splitlines())
    yield f"{mark} {title}\n\n" + "\n".join(lines) + "\n"
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            below = click.Context(each, info_name=name, parent=context)
            yield from _sections(f"{mark}#", f"{title} {name}", each, below)


if __name__ == "__main__":
    if "--check" not in sys.argv:
        PAGE.write_text(page())
    elif PAGE.read_text() != page():
        sys.exit("docs/cli.md is out of date; write it again with `make docs`")
