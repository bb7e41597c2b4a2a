"""Whether what is so is what is wanted. Pure."""

from __future__ import annotations

TYPE_CHECKING = False  # as `typing` has it, whose import takes 3 ms
if TYPE_CHECKING:
    from typing import Any


def node_as_desired(node: dict[str, Any]) -> bool:
    """Whether a node is what it is wanted to be. A paused node keeps its process; a `done` one needs none."""
    if node["desired"] == "down":
        return bool(node["phase"] == "down")
    return bool(node["phase"] == "ready" or node.get("done"))


def as_desired(pipeline: dict[str, Any]) -> bool:
    """Whether all of a pipeline is what it is wanted to be. One whose file is being loaded has no nodes yet."""
    if not pipeline["nodes"] and pipeline["phase"] == "starting":
        return False
    return all(node_as_desired(node) for node in pipeline["nodes"])
