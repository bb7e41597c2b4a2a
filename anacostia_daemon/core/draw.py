"""Draws docs/lifecycle.md from the table, so that the picture cannot drift from what runs; a test compares them.

python -m anacostia_daemon.core.draw > docs/lifecycle.md
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator

from anacostia_daemon.core.events import EVENTS, Event, word
from anacostia_daemon.core.phases import MEANING, PHASES, TABLE, Handled, Ignored, Verdict
from anacostia_daemon.core.state import Phase

_HEAD = """\
# The life of a node

Drawn from the table in `anacostia_daemon/core/phases.py` by `python -m anacostia_daemon.core.draw`; do not edit.

What is wanted (`desired`: up, down, paused) and what is so (`phase`) are two facts. `paused` is up, in every phase the
same, but the node takes no new work. The supervision core is a pure function from (state, event, now) to (state,
actions); this page is its table.
"""

_AFTER = """\
## What the picture does not say

- **Nobody is dead until reaped.** Whatever ends a process, the node is in `killing` until the process is reaped and
  nothing is left of its family; only then comes `down`, `backoff`, `failed` or the next start.
- **Order.** MayStart and MayStop come from `core/plan.py`: a node starts when the metadata store and those of its
  predecessors that are wanted up are ready; it stops when its successors that are to go down are down. A node that
  crashed does not queue: it is started again as its restart policy says.
- **Crashes.** An end that nobody asked for, a missed heartbeat, a start that takes too long, and more memory than
  `memory_limit` are crashes. The first
  in a `window` is followed by a restart at once, the next wait longer and longer; beyond `max_restarts` within a
  `window` the node is `failed`. `start` or `restart` gives it a fresh budget. Against the task that it executed counts
  only a crash of its own: not a SIGKILL from outside, unless the kernel was out of memory (decisions/0007).
- **Heartbeats.** A ready node that does not beat for `heartbeat_timeout` is killed. While it starts, `start_timeout`
  counts, and from its first beat on the heartbeat too.
- **Essential nodes.** Where a node is `failed` that is essential, the pipeline is wanted down from then on, and the
  journal says because of whom; `start` begins anew.
- **Stale events.** What is said of another incarnation than the present one changes nothing.
- **Journal.** Each change of `desired` or of `phase` leaves one line that says from what, to what, and why.
"""


def page() -> str:
    """The whole of docs/lifecycle.md."""
    parts = (_HEAD, _phases(), _picture(), _AFTER, _overview(), _details())
    return "\n".join("\n".join(part) if not isinstance(part, str) else part for part in parts) + "\n"


def _phases() -> Iterator[str]:
    yield "| phase | meaning |"
    yield "|---|---|"
    for phase in PHASES:
        yield f"| `{phase}` | {MEANING[phase]} |"
    yield ""


def _picture() -> Iterator[str]:
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield "    [*] --> down"
    for (origin, target), events in _ways().items():
        yield f"    {origin} --> {target}: {', '.join(event.__name__ for event in events)}"
    yield "```"
    yield ""


def _ways() -> dict[tuple[Phase, Phase], list[type[Event]]]:
    """The changes of phase that the table allows, and by which events."""
    ways: dict[tuple[Phase, Phase], list[type[Event]]] = {}
    for phase in PHASES:
        for event in EVENTS:
            verdict = TABLE[phase, event]
            for target in verdict.to if isinstance(verdict, Handled) else ():
                ways.setdefault((phase, target), []).append(event)
    return ways


def _overview() -> Iterator[str]:
    yield "## The table"
    yield ""
    yield "● handled (and where it may lead) · ○ ignored · ✗ impossible: the daemon has a fault"
    yield ""
    yield "| event | " + " | ".join(PHASES) + " |"
    yield "|---" * (len(PHASES) + 1) + "|"
    for event in EVENTS:
        yield f"| {event.__name__} | " + " | ".join(_mark(TABLE[phase, event]) for phase in PHASES) + " |"
    yield ""


def _mark(verdict: Verdict) -> str:
    if isinstance(verdict, Handled):
        return f"● → {', '.join(verdict.to)}" if verdict.to else "●"
    return "○" if isinstance(verdict, Ignored) else "✗"


def _details() -> Iterator[str]:
    yield "## Each event"
    for event in EVENTS:
        yield ""
        yield f"### {event.__name__} (`{word(event)}`)"
        yield ""
        yield (inspect.getdoc(event) or "").partition("\n\n")[0].replace("\n", " ")
        yield ""
        for phase in PHASES:
            yield f"- **{phase}**: {_sentence(TABLE[phase, event])}"


def _sentence(verdict: Verdict) -> str:
    if isinstance(verdict, Handled):
        return verdict.what + (f" → {', '.join(verdict.to)}" if verdict.to else "")
    if isinstance(verdict, Ignored):
        return f"ignored; {verdict.why}"
    return f"impossible; {verdict.why}"


if __name__ == "__main__":
    sys.stdout.write(page())
