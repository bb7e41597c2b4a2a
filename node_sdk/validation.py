"""The rules of a pipeline's graph, one function each; each gives one clear error that names the nodes.

Called by `Pipeline` before anything else is done with its nodes, in the order of `check`: later rules may rely on
earlier ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import get_args

from node_sdk.errors import InvalidPipeline
from node_sdk.graph import StartMethod, TriggerRule
from node_sdk.nodes.action import BaseActionNode
from node_sdk.nodes.base import BaseNode
from node_sdk.nodes.resource import BaseResourceNode
from node_sdk.nodes.store import BaseMetadataStoreNode
from node_sdk.policy import Limits, LogPolicy, RestartPolicy


def check(nodes: Sequence[object]) -> list[BaseNode]:
    """The nodes, predecessors first; InvalidPipeline for the first rule that they break."""
    found = _nodes(nodes)
    _unique_names(found)
    _registered(found)
    _acyclic(found)
    _one_store(found)
    for node in found:
        _settings(node)
        _place(node)
    _references(found)
    _connected(found)
    return _in_order(found)


def check_successors(nodes: Sequence[object]) -> None:
    """InvalidPipeline where a node was made to follow one of `nodes` and then forgotten.

    Before the pipeline gives the nodes their successors anew: so far they are those that constructors entered.
    """
    for node in nodes:
        if not isinstance(node, BaseNode):
            continue
        _initialised(node)
        for successor in node.successors:
            if not any(successor is each for each in nodes):
                raise InvalidPipeline(
                    f"cannot build the pipeline: {successor.name!r}, a successor of {node.name!r}, is not in `nodes`; "
                    "add it"
                )


def _initialised(node: BaseNode) -> None:
    if "_bond" not in vars(node):
        raise InvalidPipeline(
            f"cannot use a node of class {type(node).__name__}: its __init__ does not call super().__init__(name, …)"
        )


def _nodes(nodes: Sequence[object]) -> list[BaseNode]:
    for node in nodes:
        if not isinstance(node, BaseNode):
            raise InvalidPipeline(
                f"cannot build a pipeline with {node!r}: a {type(node).__name__} is no node; "
                "nodes derive from the base classes of node_sdk"
            )
        if not isinstance(node, (BaseMetadataStoreNode, BaseResourceNode, BaseActionNode)):
            raise InvalidPipeline(
                f"cannot use node {node.name!r} ({type(node).__name__}): derive it from BaseMetadataStoreNode, "
                "BaseResourceNode or BaseActionNode, not from BaseNode itself"
            )
    return [node for node in nodes if isinstance(node, BaseNode)]


def _unique_names(nodes: list[BaseNode]) -> None:
    seen: dict[str, BaseNode] = {}
    for node in nodes:
        other = seen.setdefault(node.name, node)
        if other is node and sum(each is node for each in nodes) > 1:
            raise InvalidPipeline(f"cannot build the pipeline: node {node.name!r} stands in `nodes` twice")
        if other is not node:
            raise InvalidPipeline(
                f"cannot build the pipeline: two nodes are called {node.name!r} "
                f"({type(other).__name__} and {type(node).__name__}); give one of them another name"
            )


def _registered(nodes: list[BaseNode]) -> None:
    for node in nodes:
        for predecessor in node.predecessors:
            if not isinstance(predecessor, BaseNode):
                raise InvalidPipeline(
                    f"cannot use {predecessor!r} as a predecessor of node {node.name!r}: give the node object itself"
                )
            if not any(predecessor is each for each in nodes):
                raise InvalidPipeline(
                    f"cannot build the pipeline: {predecessor.name!r}, a predecessor of {node.name!r}, is not in "
                    "`nodes`; add it"
                )
        if len({id(each) for each in node.predecessors}) < len(node.predecessors):
            raise InvalidPipeline(f"cannot build the pipeline: node {node.name!r} names a predecessor twice")


def _acyclic(nodes: list[BaseNode]) -> None:
    done: set[str] = set()
    for start in nodes:
        path: list[BaseNode] = []
        # (node, predecessors still to visit); a loop, not recursion: graphs may be a thousand nodes deep
        stack = [(start, iter(start.predecessors))] if start.name not in done else []
        path += [start] if stack else []
        while stack:
            node, remaining = stack[-1]
            following = next(remaining, None)
            if following is None:
                done.add(node.name)
                stack.pop()
                path.pop()
            elif following in path:
                cycle = [*path[path.index(following) :], following]
                arrows = " -> ".join(repr(each.name) for each in reversed(cycle))
                raise InvalidPipeline(f"cannot build the pipeline: its nodes form a cycle: {arrows}")
            elif following.name not in done:
                stack.append((following, iter(following.predecessors)))
                path.append(following)


def _one_store(nodes: list[BaseNode]) -> None:
    stores = [node.name for node in nodes if isinstance(node, BaseMetadataStoreNode)]
    if not stores:
        raise InvalidPipeline(
            "cannot build the pipeline: it has no metadata store; add one, for example SqliteMetadataStore"
        )
    if len(stores) > 1:
        raise InvalidPipeline(
            f"cannot build the pipeline: it has {len(stores)} metadata stores ({_names(stores)}); keep one"
        )


def _settings(node: BaseNode) -> None:
    for name in ("start_timeout", "heartbeat_timeout", "stop_timeout"):
        value = getattr(node, name)
        if not isinstance(value, (int, float)) or not 0 < value < math.inf:
            raise InvalidPipeline(
                f"cannot use node {node.name!r}: its {name} is {value!r}, a number of seconds above 0 is needed"
            )
    if not isinstance(node.restart, RestartPolicy):
        raise InvalidPipeline(
            f"cannot use node {node.name!r}: its restart is {node.restart!r}, a RestartPolicy is needed"
        )
    if not isinstance(node.limits, Limits):
        raise InvalidPipeline(f"cannot use node {node.name!r}: its limits is {node.limits!r}, a Limits is needed")
    _one_of(node, "essential", (True, False))
    if not isinstance(node.log_policy, LogPolicy):
        raise InvalidPipeline(
            f"cannot use node {node.name!r}: its log_policy is {node.log_policy!r}, a LogPolicy is needed"
        )
    _one_of(node, "start_method", get_args(StartMethod))
    if isinstance(node, BaseActionNode):
        _one_of(node, "trigger_rule", get_args(TriggerRule))
        _tries(node)


def _tries(node: BaseActionNode) -> None:
    words = f"cannot use action {node.name!r}: its"
    if type(node.retries) is not int or node.retries < 0:
        raise InvalidPipeline(f"{words} retries is {node.retries!r}, a whole number from 0 is needed")
    if not _is_seconds(node.retry_delay):
        raise InvalidPipeline(f"{words} retry_delay is {node.retry_delay!r}, a number of seconds from 0 is needed")
    if node.timeout is not None and not (_is_seconds(node.timeout) and node.timeout > 0):
        raise InvalidPipeline(f"{words} timeout is {node.timeout!r}, a number of seconds above 0 is needed, or None")


def _is_seconds(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf


def _one_of(node: BaseNode, name: str, allowed: Iterable[object]) -> None:
    if getattr(node, name) not in allowed:
        raise InvalidPipeline(
            f"cannot use node {node.name!r}: its {name} is {getattr(node, name)!r}, one of {_names(allowed)} is needed"
        )


def _place(node: BaseNode) -> None:
    if isinstance(node, BaseMetadataStoreNode):
        if node.predecessors:
            raise InvalidPipeline(
                f"cannot build the pipeline: metadata store {node.name!r} has predecessors "
                f"({_names(each.name for each in node.predecessors)}), but it is the root of the graph"
            )
    elif isinstance(node, BaseResourceNode):
        if [
            type(each) for each in node.predecessors if not isinstance(each, BaseMetadataStoreNode)
        ] or not node.predecessors:
            raise InvalidPipeline(
                f"cannot build the pipeline: resource {node.name!r} has predecessors "
                f"({_names(each.name for each in node.predecessors)}), but a resource follows the metadata store alone"
            )
        if node.monitoring and not node.successors:
            raise InvalidPipeline(
                f"cannot build the pipeline: monitored resource {node.name!r} has no successor, so nothing would "
                "happen with what it finds; add an action after it, or say monitoring=False"
            )
    elif not node.predecessors:
        raise InvalidPipeline(
            f"cannot build the pipeline: action {node.name!r} has no predecessors, so nothing would ever start it"
        )
    elif type(node).execute is BaseActionNode.execute:  # type: ignore[attr-defined]
        raise InvalidPipeline(
            f"cannot use action {node.name!r}: its class {type(node).__name__} does not override execute()"
        )


def _references(nodes: list[BaseNode]) -> None:
    known = {id(node) for node in nodes}
    for node in nodes:
        for name, value in vars(node).items():
            each = value if isinstance(value, (list, tuple)) else [value]
            for other in each:
                if isinstance(other, BaseNode) and id(other) not in known:
                    raise InvalidPipeline(
                        f"cannot build the pipeline: node {node.name!r} refers to {other.name!r} (as its {name}), "
                        "which is not in `nodes`; add it"
                    )


def _connected(nodes: list[BaseNode]) -> None:
    reached: set[str] = set()
    waiting: list[BaseNode] = [node for node in nodes if isinstance(node, BaseMetadataStoreNode)]
    while waiting:
        node = waiting.pop()
        if node.name not in reached:
            reached.add(node.name)
            waiting += [*node.successors, *node.predecessors]
    apart = [node.name for node in nodes if node.name not in reached]
    if apart:
        raise InvalidPipeline(f"cannot build the pipeline: {_names(apart)} are not connected with the metadata store")


def _in_order(nodes: list[BaseNode]) -> list[BaseNode]:
    """Predecessors first, otherwise as given."""
    ordered: list[BaseNode] = []
    placed: set[str] = set()
    remaining = list(nodes)
    while remaining:
        later = []
        for node in remaining:
            if all(each.name in placed for each in node.predecessors):
                ordered.append(node)
                placed.add(node.name)
            else:
                later.append(node)
        remaining = later
    return ordered


def _names(names: Iterable[object]) -> str:
    return ", ".join(repr(each) for each in names) or "none"
