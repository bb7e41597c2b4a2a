"""SIGKILL of a node until its replacement is `ready`: of a bare node, and of one that imports numpy and scikit-learn.

Ours is `ready` when the daemon has heard and decided so (ready.py): the process is there, has said hello to its store,
its setup() is done, and the end of the old one and the number of the new one are on disk. The limit knows nothing of
that: SIGKILL, pidfd, fork of an interpreter that has imported the same, first byte from the child. A peer is done when
the first line of its child has run, after the imports; neither readiness nor anything on disk is asked of it.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks import ready
from benchmarks.harness import Daemon, Figure, at_least, at_most, daemon, opened, rounds, take_turns, talk
from benchmarks.harness.timeline import NoTimeline
from benchmarks.harness.turns import Way
from benchmarks.peers import circus as circus_settings
from benchmarks.peers import supervisord as supervisord_settings
from benchmarks.peers.children import Supervised
from benchmarks.peers.circus import circus
from benchmarks.peers.supervisord import supervisord
from benchmarks.pipelines import IMPORTS, one_action
from benchmarks.restart_parts import in_words, restart_parts

FORK = Path(__file__).with_name("limits") / "fork.py"
MODULES = ("numpy", "sklearn.linear_model")
EACH = 5  # kills of ours, and of the limit's, per round: the peers need seconds for one
SETTLED = supervisord_settings.SETTLED

_random = random.Random(1)


def measure() -> Iterator[Figure]:
    """`restart` and `restart-heavy`, whose ways all take turns in the same rounds."""
    with ExitStack() as stack:
        ours = stack.enter_context(daemon())
        bare, missing = _ways(stack, ours, "bare", "", ())
        heavy, _ = _ways(stack, ours, "heavy", IMPORTS, MODULES)
        ways = {("bare", row): way for row, way in bare.items()} | {("heavy", row): way for row, way in heavy.items()}
        found = take_turns(ways, rounds(8))
        parts, notes = _parts(ours)
    yield from _figures(_of("bare", found), _of("heavy", found), missing, parts, notes)


def _figures(
    bare: dict[str, list[float]],
    heavy: dict[str, list[float]],
    missing: dict[str, str],
    parts: dict[str, dict[str, float]],
    notes: list[str],
) -> Iterator[Figure]:
    what = "SIGKILL of a bare node until its replacement is ready"
    plain = Figure("restart", what, "ms", bare, missing=missing, parts=parts, notes=notes)
    left = in_words(parts.get("bare", {}))
    yield replace(plain, goals=[at_most("p50 at most 2.5 × the limit", plain.of_limit("anacostia"), 2.5, left)])
    what = "SIGKILL of a node that imports numpy and scikit-learn until its replacement is ready"
    laden = Figure("restart-heavy", what, "ms", heavy, missing=missing)
    ratio = laden.summary("anacostia").p50 / plain.summary("anacostia").p50
    goals = [
        at_most("p50 at most 1.5 × that of the bare node", ratio, 1.5, in_words(parts.get("heavy", {}))),
        at_least("at least 20 × faster than the best peer", laden.than_best_peer("anacostia"), 20),
    ]
    yield replace(laden, goals=goals)


def _ways(
    stack: ExitStack, ours: Daemon, name: str, imports: str, modules: Sequence[str]
) -> tuple[dict[str, Way], dict[str, str]]:
    ours.start(one_action(name, imports), ours.root)
    limit = stack.enter_context(talk(sys.executable, FORK, *modules))
    peers, missing = opened(stack, _peers(modules))
    ways: dict[str, Way] = {
        "anacostia": lambda: [ready.kill(ours, name, "work").ms for _ in range(EACH)],
        "limit": lambda: [limit.ask("restart") for _ in range(EACH)],
    }
    for row, peer in peers.items():
        ways[row] = partial(_kill, peer, circus_settings.PERIOD if row == "circus, default" else 1.0)
    return ways, missing


def _peers(modules: Sequence[str]) -> dict[str, Callable[[], AbstractContextManager[Supervised]]]:
    return {
        "supervisord, default": lambda: supervisord(1, modules),
        "supervisord, best": lambda: supervisord(1, modules, supervisord_settings.BEST),
        "circus, default": lambda: circus(1, modules),
        "circus, best": lambda: circus(1, modules, circus_settings.BEST),
    }


def _kill(peer: Supervised, period: float) -> float:
    """At any moment between two looks of the peer at its children: else the wait until the next is always the same."""
    return peer.kill(SETTLED + _random.uniform(0, period))


def _of(name: str, found: dict[tuple[str, str], list[float]]) -> dict[str, list[float]]:
    return {row: samples for (of, row), samples in found.items() if of == name}


def _parts(ours: Daemon) -> tuple[dict[str, dict[str, float]], list[str]]:
    try:
        found = {name: restart_parts(ours, name, "work", rounds(30)) for name in ("bare", "heavy")}
        return {name: parts for name, parts in found.items() if parts}, []
    except NoTimeline as error:
        return {}, [str(error)]
