"""What every node is: a name, its place in the graph, hooks for its life. A node object is a handle; it opens nothing.

Only the process that a node object belongs to runs its hooks; in every other process the same object reaches the same
facts through its `Binding`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from node_sdk.errors import InvalidValue, NotRunning
from node_sdk.graph import Kind, NodeSpec, StartMethod
from node_sdk.names import check_name
from node_sdk.nodes.binding import Binding, Bond
from node_sdk.panels import Part
from node_sdk.policy import Limits, LogPolicy, RestartPolicy

Loggers = logging.Logger | Iterable[logging.Logger] | None
Panel = Part | Sequence[Part] | None

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_OWN_LOGGER = logging.getLogger("anacostia.node")  # for nodes that were given none


class BaseNode:
    """Base of all nodes; derive from BaseMetadataStoreNode, BaseResourceNode or BaseActionNode instead.

    `predecessors` are the nodes whose signals this node waits for; `loggers` is one `logging.Logger` or several.
    The attributes below may be set on the class or on the object; durations are seconds.
    Raises InvalidPipeline where the name is not legal.
    """

    kind: ClassVar[Kind]
    restart: RestartPolicy = RestartPolicy()
    start_timeout: float = 300.0
    heartbeat_timeout: float = 30.0
    stop_timeout: float = 10.0
    start_method: StartMethod = "fork"
    limits: Limits = Limits()
    essential: bool = False  # when the supervisor gives it up, it stops the pipeline
    log_policy: LogPolicy = LogPolicy()

    def __init__(self, name: str, predecessors: Sequence[BaseNode] | None = None, loggers: Loggers = None) -> None:
        self.name = check_name(name, "node")
        self.predecessors: list[BaseNode] = list(predecessors or ())
        self.successors: list[BaseNode] = []
        self.loggers: list[logging.Logger] = []
        self._bond = Bond()  # its own, until a pipeline has one for all of its nodes
        self.add_loggers(loggers)
        for each in self.predecessors:
            if isinstance(each, BaseNode):  # what else it may be, the pipeline says
                each.successors.append(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def add_loggers(self, loggers: Loggers) -> None:
        """Let `log` write to these, too."""
        if isinstance(loggers, logging.Logger):
            self.loggers.append(loggers)
        elif loggers is not None:
            self.loggers.extend(loggers)

    def setup(self) -> None:
        """Called once in each process of this node before it is ready; raise to say that it cannot work.

        May take up to `start_timeout` seconds. Called again after each restart.
        """

    def on_exit(self) -> None:
        """Called when this node's process is asked to stop; not when it is killed or crashes."""

    def panel(self) -> Panel:
        """What the dashboard shows of this node besides what it knows by itself: a Table, Plot, Markdown or Facts of
        `node_sdk.panels`, a list of them, or None.

        Called when somebody looks, in a short-lived process of its own, never in that of the node: there it may read,
        through the metadata store and the resources, and takes 10 seconds at most.
        """
        return None

    def log(self, message: str, level: str = "DEBUG") -> None:
        """Write `message` to the node's loggers, and so to `anacostiactl logs`.

        `level` is DEBUG, INFO, WARNING, ERROR or CRITICAL; InvalidValue for any other.
        """
        if level not in LEVELS:
            raise InvalidValue(f"cannot log at level {level!r}: it is one of {', '.join(LEVELS)}")
        for logger in self.loggers or [_OWN_LOGGER]:
            logger.log(logging.getLevelNamesMapping()[level], message, extra={"node": self.name})

    def model(self) -> dict[str, Any]:
        """The node as plain data: name, node_type, base_type, predecessors and successors by name."""
        return {
            "name": self.name,
            "node_type": type(self).__name__,
            "base_type": self.base_type(),
            "predecessors": [each.name for each in self.predecessors],
            "successors": [each.name for each in self.successors],
        }

    def base_type(self) -> str:
        """The name of the class of ours that this node's class derives from."""
        return next(each.__name__ for each in type(self).__mro__ if each.__module__.startswith("node_sdk.nodes."))

    def spec(self) -> NodeSpec:
        """The node as the supervisor and the store know it."""
        return NodeSpec(
            name=self.name,
            kind=self.kind,
            type=type(self).__name__,
            base_type=self.base_type(),
            predecessors=tuple(each.name for each in self.predecessors),
            restart=self.restart,
            start_timeout=float(self.start_timeout),
            heartbeat_timeout=float(self.heartbeat_timeout),
            stop_timeout=float(self.stop_timeout),
            start_method=self.start_method,
            limits=self.limits,
            essential=self.essential,
            log_policy=self.log_policy,
        )

    def bind(self, binding: Binding | None) -> None:
        """Tie this handle to a running pipeline (the runtime does), or untie it."""
        self._bond.binding = binding

    @property
    def _binding(self) -> Binding | None:
        return self._bond.binding

    def bound(self, wish: str) -> Binding:
        """The binding; NotRunning with words about `wish` ("log metrics") where there is none."""
        binding = self._bond.binding
        if binding is None:
            raise NotRunning(
                f"cannot {wish} through node {self.name!r}: its pipeline is not running in this process; start it "
                "with `anacostiactl start FILE` or pipeline.run(), and call this from a node's methods"
            )
        return binding
