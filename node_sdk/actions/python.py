"""A plain function as an action."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from node_sdk.actions.settings import ReadyActionNode
from node_sdk.errors import InvalidPipeline, InvalidValue
from node_sdk.nodes.base import BaseNode, Loggers


class PythonActionNode(ReadyActionNode):
    """Calls `function` in each run: with this node where it takes an argument (for `run_id`, `log`, `task_key`), else
    with nothing.

    True or None: succeeded; False: failed; an exception: error. Anything else it returns is an error, too.
    """

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        predecessors: Sequence[BaseNode],
        loggers: Loggers = None,
        **settings: Any,
    ) -> None:
        super().__init__(name, predecessors, loggers, settings)
        self.function = function
        self._wants_node = _wants_node(name, function)

    def execute(self, *args: Any, **kwargs: Any) -> bool:
        """Call the function."""
        return outcome(self.function(self) if self._wants_node else self.function(), f"the function of {self.name!r}")


def action(
    *predecessors: BaseNode, name: str | None = None, loggers: Loggers = None, **settings: Any
) -> Callable[[Callable[..., Any]], PythonActionNode]:
    """Make the function below it an action after `predecessors`; its name is that of the function, or `name`.

        @action(inbox, retries=2)
        def count_words(node):
            node.log(f"{len(inbox.list_artifacts('current'))} files", "INFO")

    The name then stands for the node, to be put into the pipeline; the function is its `function`.
    """
    if any(not isinstance(each, BaseNode) for each in predecessors) or not predecessors:
        raise InvalidPipeline(
            "cannot use @action without predecessors: write @action(node, …), with the nodes before it"
        )

    def make(function: Callable[..., Any]) -> PythonActionNode:
        return PythonActionNode(
            name or str(getattr(function, "__name__", "")), function, predecessors, loggers, **settings
        )

    return make


def outcome(returned: object, whose: str) -> bool:
    """What `returned` says of success; InvalidValue where it says nothing."""
    if returned is None:
        return True
    if type(returned).__name__ in ("bool", "bool_"):  # numpy's, too: what a comparison of metrics gives
        return bool(returned)
    raise InvalidValue(f"cannot tell whether {whose} succeeded: it returned {returned!r:.80}, not True, False or None")


def _wants_node(name: str, function: Callable[..., Any]) -> bool:
    if not callable(function):
        raise InvalidPipeline(f"cannot make action {name!r}: {function!r} is no function")
    try:
        signature = inspect.signature(function)
    except ValueError:  # written in C
        return False
    for given in ((), (None,)):
        try:
            signature.bind(*given)
        except TypeError:
            continue
        return bool(given)
    raise InvalidPipeline(
        f"cannot make action {name!r}: its function takes {signature}, but it gets the node or nothing"
    )
