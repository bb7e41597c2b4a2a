"""`anacostiactl status` of a pipeline of ten nodes, as a whole process: what a person waits for.

The limit is an interpreter that does nothing. The peers tell the status of ten programs, in their own environments.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.commands import wall
from benchmarks.harness import Figure, at_least, at_most, daemon, opened, rounds, take_turns
from benchmarks.harness.turns import Way
from benchmarks.peers.circus import circus
from benchmarks.peers.supervisord import supervisord
from benchmarks.pipelines import actions

NODES = 10
IMPORTS = "import re, msgpack"  # what the console script that pip makes imports, and what the answer is read with
IMPORTING = f"python -c '{IMPORTS}'"
STATUS = str(Path(sys.executable).with_name("anacostiactl"))


def measure() -> Iterator[Figure]:
    """`ctl`."""
    with ExitStack() as stack:
        ours = stack.enter_context(daemon())
        ours.start(actions("ten", NODES), ours.root)
        peers, missing = opened(
            stack, {"supervisorctl": lambda: supervisord(NODES), "circusctl": lambda: circus(watchers=NODES)}
        )
        ways: dict[str, Way] = {
            "anacostia": lambda: wall([STATUS, "status"], ours.env),
            "limit": lambda: wall([sys.executable, "-c", "pass"]),
            IMPORTING: lambda: wall([sys.executable, "-c", IMPORTS]),
            **{row: partial(wall, peer.ctl) for row, peer in peers.items()},
        }
        found = take_turns(ways, rounds(40))
    what = f"status of {NODES} nodes, the whole command"
    figure = Figure("ctl", what, "ms", found, apart=(IMPORTING,), missing=missing)
    bare, importing, whole = (figure.summary(row).p50 for row in ("limit", IMPORTING, "anacostia"))
    left = f"importing re and msgpack takes {importing - bare:.0f} ms, all of ours {whole - importing:.0f} ms"
    goals = [
        at_most("p50 at most 4 × the limit", figure.of_limit("anacostia"), 4, left),
        at_least("more than 2 × faster than the best peer", figure.than_best_peer("anacostia"), 2, left),
    ]
    yield replace(figure, goals=goals)
