"""Pipelines of 10, 100, 500 and 1,000 nodes, each a process: how long until all are ready, what they take, and what the
daemon takes, when nothing happens.

A start is a request to a running daemon: the file is loaded, which takes an interpreter and its imports, then the
store, the folder and all actions are started and say hello. The limit forks as many children, with nothing loaded
first, until each has said its first line. The peers start themselves and 100 Python children that import nothing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from anacostia_daemon.control.client import ControlFailure
from benchmarks.commands import wall
from benchmarks.ctl import STATUS
from benchmarks.footprint import busy, on_processor, own, pss
from benchmarks.harness import Daemon, Figure, PeerMissing, at_least, at_most, daemon, percentile, quick, rounds, talk
from benchmarks.peers.children import Supervised
from benchmarks.peers.circus import circus
from benchmarks.peers.supervisord import supervisord
from benchmarks.pipelines import actions

FORK = Path(__file__).with_name("limits") / "fork.py"
USUAL = 100  # the size that is compared with peers
TIMES = {10: 3, USUAL: 3, 500: 1, 1000: 1}
IDLE = 30.0  # seconds of doing nothing
IDLE_OF = (10, USUAL, 1000)
SILENCE = 60.0  # seconds in which the daemon must say something of a start
SETTLED = 5.0  # seconds after the start of a peer that do not count as idle …
AT_REST = 40.0  # … and of ours, whose nodes say it in full at first that they are there

PEERS: dict[str, Callable[[], AbstractContextManager[Supervised]]] = {
    "supervisord": lambda: supervisord(USUAL),
    "circus": lambda: circus(USUAL),
}


@dataclass
class Found:
    """Rows of the four figures."""

    start: dict[str, list[float]] = field(default_factory=dict)
    memory: dict[str, list[float]] = field(default_factory=dict)
    idle: dict[str, list[float]] = field(default_factory=dict)
    status: dict[str, list[float]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)  # figure → where it goes, at the usual size
    failed: dict[int, str] = field(default_factory=dict)  # number of nodes → why they did not get ready


def measure() -> Iterator[Figure]:
    """`scale-start`, `scale-memory`, `scale-idle` and `scale-status`."""
    found = Found()
    with ExitStack() as stack:
        limit = stack.enter_context(talk(sys.executable, FORK))
        for nodes, times in TIMES.items():
            for turn in range(rounds(times, 1)):
                add(found.start, _row("forks", nodes), limit.ask("start", nodes))
                try:
                    _one_of_ours(found, nodes, first=turn == 0)
                except ControlFailure as error:
                    found.failed[nodes] = str(error)
                    break
                if nodes == USUAL:
                    _peers(found, first=turn == 0)
    return _figures(found)


def add(rows: dict[str, list[float]], row: str, *samples: float) -> None:
    rows.setdefault(row, []).extend(samples)


def _row(what: str, nodes: int) -> str:
    return f"{what}, {nodes:,}"


def _one_of_ours(found: Found, nodes: int, first: bool) -> None:
    row = _row("anacostia", nodes)
    with daemon() as ours:
        ours.serve()
        add(found.start, row, _start(ours, nodes))
        if not first:
            return
        took = _started_with(ours)
        time.sleep(1.0 if quick() else AT_REST)
        _take_memory(found, ours, nodes)
        if nodes in IDLE_OF:
            _take_idle(found, ours, nodes)
        if nodes == USUAL:
            found.left["start"] = took
        add(found.status, row, *(wall([STATUS, "status"], ours.env) for _ in range(rounds(10))))


def _take_idle(found: Found, ours: Daemon, nodes: int) -> None:
    idle = busy([each.pid for each in ours.processes()], 3.0 if quick() else IDLE)
    add(found.idle, _row("anacostia", nodes), sum(idle.values()))
    if nodes == USUAL:
        others = sum(idle.values()) - idle[ours.pid]
        each = others / 100 * 15 / nodes * 1e6
        found.left["idle"] = (
            f"the daemon {idle[ours.pid]:.3f} %, a node's wake-up in 15 s {each:.0f} µs, so {others:.3f} %"
        )


def _start(ours: Daemon, nodes: int) -> float:
    """Milliseconds from the request until the daemon says that all are ready."""
    file = ours.write(actions("many", nodes))
    request = {"file": str(file), "argv": [str(ours.root)], "cwd": str(ours.root), "python": sys.executable, "env": {}}
    began = time.perf_counter()
    ours.client.request("start", {**request, "wait": True}, timeout=SILENCE)
    return (time.perf_counter() - began) * 1000


def _started_with(ours: Daemon) -> str:
    """What a start took of the processors, in words."""
    (pipeline,) = ours.status()["pipelines"]
    store, _, *others = [on_processor(each["pid"]) * 1000 for each in pipeline["nodes"]]
    loader, supervisor = on_processor(pipeline["loader"]["pid"]) * 1000, on_processor(ours.pid) * 1000
    return (
        f"processor time until all are ready: an action {percentile(others, 50):.1f} ms, "
        f"the loader {loader:.0f}, the daemon {supervisor:.0f}, the store {store:.0f}"
    )


def _take_memory(found: Found, ours: Daemon, nodes: int) -> None:
    (pipeline,) = ours.status()["pipelines"]
    actions_of_it = [each["pid"] for each in pipeline["nodes"] if each["kind"] == "action"]
    add(found.memory, f"anacostia, a node of {nodes:,}", *map(pss, actions_of_it))
    if nodes == USUAL:
        private = own(actions_of_it[-1])
        found.left["memory"] = _in_words(private)
        found.left["daemon"] = _in_words(own(ours.pid))
    add(found.memory, f"anacostia, the daemon of {nodes:,}", pss(ours.pid))
    add(found.memory, f"anacostia, the loader of {nodes:,}", pss(pipeline["loader"]["pid"]))


def _in_words(private: dict[str, float]) -> str:
    return ", ".join(f"{part} of its own {size:.1f} MiB" for part, size in private.items())


def _peers(found: Found, first: bool) -> None:
    for name, make in PEERS.items():
        try:
            with make() as peer:
                add(found.start, _row(name, USUAL), peer.started)
                if first:
                    _idle_peer(found, name, peer)
        except PeerMissing as error:
            found.missing[name] = str(error)


def _idle_peer(found: Found, name: str, peer: Supervised) -> None:
    time.sleep(SETTLED)
    children = [each.pid for each in peer.first]
    add(found.memory, f"{name}, a child of {USUAL}", *map(pss, children))
    add(found.memory, f"{name} itself with {USUAL}", pss(peer.pid))
    idle = busy([peer.pid, *children], 3.0 if quick() else IDLE)
    add(found.idle, _row(name, USUAL), sum(idle.values()))
    add(found.status, _row(name, USUAL), *(wall(peer.ctl) for _ in range(rounds(10))))


def _figures(found: Found) -> Iterator[Figure]:
    yield _start_figure(found)
    yield _memory_figure(found)
    usual = _row("anacostia", USUAL)
    what = f"processor time of all processes together, over {IDLE:g} s in which nothing happens"
    idle = Figure("scale-idle", what, "% of a core", found.idle, (usual,), None, _but(found.idle, usual))
    yield replace(
        idle, goals=[at_most(f"{USUAL} nodes at most 0.1 %", idle.summary(usual).p50, 0.1, found.left["idle"])]
    )
    what = "the status command, whole, by the number of nodes"
    yield Figure("scale-status", what, "ms", found.status, (usual,), None, _but(found.status, usual))


def _start_figure(found: Found) -> Figure:
    usual, forks, most = _row("anacostia", USUAL), _row("forks", USUAL), max(TIMES)
    what = "start of a pipeline until all of its nodes are ready"
    figure = Figure("scale-start", what, "ms", found.start, (usual,), forks, _but(found.start, usual, forks))
    goals = [
        at_most(f"{USUAL} nodes in at most 3 × plain forks", figure.of_limit(usual), 3, found.left["start"]),
        at_least(f"{most:,} nodes run", 0 if most in found.failed else most, most, found.failed.get(most, "")),
    ]
    notes = [f"{nodes:,} nodes did not get ready: {why}" for nodes, why in found.failed.items() if nodes != most]
    return replace(figure, goals=goals, notes=notes, missing=found.missing)


def _memory_figure(found: Found) -> Figure:
    node, supervisor = f"anacostia, a node of {USUAL}", f"anacostia, the daemon of {USUAL}"
    apart = (
        *_but(found.memory, node),
        *(row for row in found.memory if " itself " in row),
    )
    what = "memory of each process (PSS) of pipelines that wait"
    figure = Figure("scale-memory", what, "MiB", found.memory, (node,), None, apart)
    goals = [
        at_most("a node takes at most 5 MiB", figure.summary(node).p50, 5, found.left["memory"]),
        at_most(
            f"the daemon of {USUAL} nodes takes at most 32 MiB",
            figure.summary(supervisor).p50,
            32,
            found.left["daemon"],
        ),
    ]
    return replace(figure, goals=goals)


def _but(rows: dict[str, list[float]], *compared: str) -> tuple[str, ...]:
    """Rows of ours and of the limit that are shown, and compared with nothing: those of other sizes."""
    return tuple(row for row in rows if row.startswith(("anacostia", "forks")) and row not in compared)
