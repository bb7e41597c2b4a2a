"""The pipeline: nodes that passed all rules, their graph as data, and the two ways to be run.

A file that builds a Pipeline is run by `python file.py` (then `run` starts a supervisor) or by the loader (then
`collecting` is active, every Pipeline is collected, and `run` ends the script: the loader has what it came for).
"""

from __future__ import annotations

import difflib
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any, get_args

from node_sdk import validation
from node_sdk.errors import InvalidPipeline, NotRunning
from node_sdk.graph import GraphSpec, NodeSpec, Trigger
from node_sdk.names import check_name, script_name
from node_sdk.nodes.base import BaseNode, Loggers
from node_sdk.nodes.binding import Binding, Bond
from node_sdk.policy import LogPolicy

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_collected: list[Pipeline] | None = None


class PipelineRuns(BaseException):
    """Raised by `Pipeline.run` inside `collecting`, to leave the user's script; not an error."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__(pipeline.name)
        self.pipeline = pipeline


class Pipeline:
    """A directed acyclic graph of nodes: exactly one metadata store at the root, then resources, then actions.

    `loggers` are given to every node that has none. `name` is the stem of the script's file unless given. A run
    starts when every monitored resource's trigger condition holds (`trigger="all"`) or one does (`"any"`); at most
    `max_concurrent_runs` of these are under way at once (one by hand, `anacostiactl trigger`, starts at once and takes
    a place like any other). A task whose node crashes `max_crashes` times ends as error. `log_policy` is for what its
    nodes leave open in theirs.

    Raises InvalidPipeline, one error for each broken rule, naming the nodes.
    """

    def __init__(
        self,
        nodes: Sequence[BaseNode],
        loggers: Loggers = None,
        name: str | None = None,
        *,
        trigger: Trigger = "all",
        max_concurrent_runs: int = 1,
        max_crashes: int = 3,
        log_policy: LogPolicy | None = None,
    ) -> None:
        self.name = check_name(name if name is not None else _script_name(), "pipeline")
        given = list(nodes)
        validation.check_successors(given)
        _link(given)
        self.nodes = validation.check(given)
        if trigger not in get_args(Trigger):
            raise InvalidPipeline(f"cannot use trigger={trigger!r}: it is 'all' or 'any'")
        for what, number in (("max_concurrent_runs", max_concurrent_runs), ("max_crashes", max_crashes)):
            if type(number) is not int or number < 1:
                raise InvalidPipeline(f"cannot use {what}={number!r}: it is a whole number, 1 or more")
        if log_policy is not None and not isinstance(log_policy, LogPolicy):
            raise InvalidPipeline(f"cannot use log_policy={log_policy!r}: a LogPolicy is needed")
        for node in self.nodes:
            if not node.loggers:
                node.add_loggers(loggers)
        self._by_name = {node.name: node for node in self.nodes}
        self._bond = Bond()
        self._gather()
        self.graph = GraphSpec(
            name=self.name,
            nodes=tuple(_with_policy(node.spec(), log_policy) for node in self.nodes),
            trigger=trigger,
            max_concurrent_runs=max_concurrent_runs,
            max_crashes=max_crashes,
        )
        if _collected is not None:
            _collected.append(self)

    def __getitem__(self, name: str) -> BaseNode:
        if name in self._by_name:
            return self._by_name[name]
        close = difflib.get_close_matches(str(name), [node.name for node in self.nodes], 1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise KeyError(f"no such node in pipeline {self.name!r}: {name!r}{hint}")

    def __repr__(self) -> str:
        return f"Pipeline({self.name!r}, {len(self.nodes)} nodes)"

    @cached_property
    def loggers(self) -> list[logging.Logger]:
        """Those of all nodes, each once; as they are when they are first asked for, which the loader does."""
        return list({id(each): each for node in self.nodes for each in node.loggers}.values())

    def look_ahead(self) -> None:
        """Find out now what each process of it would find out by itself (the loader does, before it forks)."""
        _ = self.loggers, self.graph.by_name, self.graph.successors

    def model(self) -> dict[str, Any]:
        """The pipeline as plain data: its name and the model of each node."""
        return {"name": self.name, "nodes": [node.model() for node in self.nodes]}

    def to_json(self) -> str:
        """The graph as JSON text."""
        return self.graph.to_json()

    @staticmethod
    def from_json(text: str) -> GraphSpec:
        """The graph in `text` (nodes as data, not as objects); BadMessage where it is none."""
        return GraphSpec.from_json(text)

    def bind(self, binding: Binding | None) -> None:
        """Tie every node object of this process to the running pipeline (the runtime does)."""
        if self.nodes[0]._bond is not self._bond:  # the nodes are those of a pipeline that was built later, too
            self._gather()
        self._bond.binding = binding

    def _gather(self) -> None:
        """Tie all nodes by one bond: to bind them then touches none, for what a forked process writes to becomes memory
        of its own."""
        for node in self.nodes:
            node._bond = self._bond

    def run(self) -> None:
        """Run the pipeline under a supervisor in this terminal until Ctrl-C, which stops it gracefully.

        Each node is a process of its own, made by running this script's file again. Raises NotRunning where there is
        no such file (an interactive session) or no supervisor installed; SystemExit where the supervisor failed.
        """
        self.run_with({})

    def run_with(self, settings: Mapping[str, str]) -> None:
        """As `run`; `settings` are variables of the supervisor's environment, which count over its configuration."""
        if _collected is not None:
            raise PipelineRuns(self)
        file = getattr(sys.modules["__main__"], "__file__", None)
        if file is None or not Path(file).is_file():
            raise NotRunning(
                f"cannot run pipeline {self.name!r} from here: its nodes are started by running the file that builds "
                "it, and an interactive session has none; write it to a file and run `python FILE`"
            )
        if find_spec("anacostia_daemon") is None:
            raise NotRunning(
                f"cannot run pipeline {self.name!r}: this Python has no anacostia_daemon; install anacostia-daemon"
            )
        status = _foreground(
            [sys.executable, "-m", "anacostia_daemon.ctl.foreground", file, "--", *sys.argv[1:]], settings
        )
        if status != 0:
            raise SystemExit(status)


@contextmanager
def collecting() -> Iterator[list[Pipeline]]:
    """While active, the yielded list gets every Pipeline that is built, and `run` raises PipelineRuns."""
    global _collected
    outer, _collected = _collected, []
    try:
        yield _collected
    finally:
        _collected = outer


def _with_policy(spec: NodeSpec, whole: LogPolicy | None) -> NodeSpec:
    return spec if whole is None else replace(spec, log_policy=spec.log_policy.over(whole))


def _script_name() -> str:
    return script_name(getattr(sys.modules["__main__"], "__file__", None) or "")


def _link(nodes: Sequence[object]) -> None:
    """Give each node its successors, in the order of `nodes`."""
    found = [node for node in nodes if isinstance(node, BaseNode)]
    successors: dict[int, list[BaseNode]] = {id(node): [] for node in found}
    for node in found:
        for each in {id(predecessor) for predecessor in node.predecessors} & successors.keys():
            successors[each].append(node)
    for node in found:
        node.successors = successors[id(node)]


def _foreground(command: list[str], settings: Mapping[str, str]) -> int:
    """Exit status of `command`, as a shell would say it. What should end us is passed on to it, and it decides.

    It has a process group of its own, so that Ctrl-C reaches it once, through us, just as `kill -INT` would.
    """
    child: subprocess.Popen[bytes] | None = None
    early: list[int] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if child is None:
            early.append(number)
        else:
            child.send_signal(number)

    earlier = {}
    if threading.current_thread() is threading.main_thread():
        earlier = {number: signal.signal(number, pass_on) for number in _PASSED_ON}
    try:
        # Killed, we can pass nothing on: it asks the system to tell it of our death.
        environment = {**os.environ, **settings, "ANACOSTIA_STARTED_BY": str(os.getpid())}
        child = subprocess.Popen(command, process_group=0, env=environment)
        for number in early:
            child.send_signal(number)
        status = child.wait()
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
    return status if status >= 0 else 128 - status
