"""What users write pipelines with: four base classes, the Pipeline, the policies of restarts and logs, limits, and what
can go wrong.

A name is imported when it is first used: the daemon and `anacostiactl` need only messages and errors from below here,
and would pay for all of it at every start.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as `typing` has it, whose import takes 3 ms: `anacostiactl status` goes without

if TYPE_CHECKING:
    from node_sdk.errors import AnacostiaError, ArtifactNotFound, InvalidPipeline, InvalidValue, NotRunning
    from node_sdk.nodes.action import BaseActionNode
    from node_sdk.nodes.base import BaseNode
    from node_sdk.nodes.resource import BaseResourceNode
    from node_sdk.nodes.store import BaseMetadataStoreNode
    from node_sdk.pipeline import Pipeline
    from node_sdk.policy import Limits, LogPolicy, RestartPolicy
    from node_sdk.webserver import run_background_webserver

__all__ = [
    "AnacostiaError",
    "ArtifactNotFound",
    "BaseActionNode",
    "BaseMetadataStoreNode",
    "BaseNode",
    "BaseResourceNode",
    "InvalidPipeline",
    "InvalidValue",
    "Limits",
    "LogPolicy",
    "NotRunning",
    "Pipeline",
    "RestartPolicy",
    "run_background_webserver",
]

_MODULES = {
    "BaseActionNode": "node_sdk.nodes.action",
    "BaseMetadataStoreNode": "node_sdk.nodes.store",
    "BaseNode": "node_sdk.nodes.base",
    "BaseResourceNode": "node_sdk.nodes.resource",
    "Limits": "node_sdk.policy",
    "LogPolicy": "node_sdk.policy",
    "Pipeline": "node_sdk.pipeline",
    "RestartPolicy": "node_sdk.policy",
    "run_background_webserver": "node_sdk.webserver",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_MODULES.get(name, "node_sdk.errors")), name)
    globals()[name] = value  # the next time it is found without us
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
